"""The router: run it with ``streamlit run streamlit_app.py``."""

import streamlit as st

st.set_page_config(page_title="LooksLikeWho", page_icon="assets/icon.png", layout="wide")
st.navigation([st.Page("pages/finder.py", title="Finder", icon=":material/face:")], position="top").run()
