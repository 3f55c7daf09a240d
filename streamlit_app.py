"""The router: run with ``streamlit run streamlit_app.py``."""

import streamlit as st

st.set_page_config(page_title="LooksLikeWho", page_icon=":material/familiar_face_and_zone:", layout="wide")
st.navigation(
    [st.Page("pages/finder.py", title="Finder", icon=":material/familiar_face_and_zone:")], position="top"
).run()
