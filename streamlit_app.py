"""The router: run it with ``streamlit run streamlit_app.py``."""

import streamlit as st

from pages import drawing

st.set_page_config(page_title="LooksLikeWho", page_icon="assets/icon.png", layout="wide")
drawing.choose_gallery()
pages = [
    st.Page("pages/finder.py", title="Finder", icon=":material/face:"),
    st.Page("pages/explorer.py", title="Explorer", icon=":material/explore:"),
    st.Page("pages/people.py", title="People", icon=":material/groups:"),
    st.Page("pages/training.py", title="Training", icon=":material/timeline:"),
    st.Page("pages/systems.py", title="Systems", icon=":material/balance:"),
]
st.navigation(pages, position="top").run()
