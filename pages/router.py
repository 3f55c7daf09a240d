"""The pages and the menu that leads to them. Streamlit runs this file for every visitor and every change."""

import streamlit as st

from pages import explorer, finder, people, systems, training
from pages.shared import administrator, focus, labels, navigation, notices, public, streamlit_fixes
from pipeline.quiet import silence_libraries

silence_libraries()
st.set_page_config(page_icon="assets/icon.png", layout="wide")
streamlit_fixes.apply()
focus.keep()
labels.keep()
notices.show()
menu = {
    "": [
        st.Page(finder.page, title="Finder", icon=":material/face:", url_path="home", default=True),
        st.Page(explorer.page, title="Explorer", icon=":material/explore:", url_path="explorer"),
        # The first one is at the root alone: Streamlit ignores its name.
        st.Page(finder.page, title="Finder", url_path="finder", visibility="hidden"),
    ],
    "Lab": [st.Page(systems.page, title="Systems", icon=":material/balance:", url_path="systems")],
}
if not public.is_public():
    menu[""].append(st.Page(people.page, title="People", icon=":material/groups:", url_path="people"))
    menu["Lab"].insert(0, st.Page(training.page, title="Training", icon=":material/timeline:", url_path="training"))
if public.is_server_public() and administrator.is_possible():
    menu["Lab"].append(st.Page(administrator.page, title="Sign in", icon=":material/lock:", url_path="sign-in"))
navigation.run(menu)
