"""The router: run it with ``streamlit run streamlit_app.py``."""

import streamlit as st

from pages import explorer, finder, people, systems, training
from pages.shared import focus, navigation, notices, session, streamlit_fixes
from pipeline.quiet import silence_libraries

silence_libraries()
st.set_page_config(page_icon="assets/icon.png", layout="wide")
streamlit_fixes.apply()
focus.keep()
notices.show()
session.draw_gallery_switch()
navigation.run(
    [
        st.Page(finder.page, title="Finder", icon=":material/face:", url_path="finder", default=True),
        st.Page(explorer.page, title="Explorer", icon=":material/explore:", url_path="explorer"),
        st.Page(people.page, title="People", icon=":material/groups:", url_path="people"),
        st.Page(training.page, title="Training", icon=":material/timeline:", url_path="training"),
        st.Page(systems.page, title="Systems", icon=":material/balance:", url_path="systems"),
    ]
)
