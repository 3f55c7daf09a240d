"""The app: run it with ``streamlit run streamlit_app.py``. What visitors see begins in ``pages/router.py``."""

import streamlit as st

from server import errors, health, lifecycle, protection, thumbnails
from server.api import mounting

lifecycle.check_settings()
lifecycle.share_memory()
app = st.App(
    "pages/router.py",
    lifespan=lifecycle.run,
    routes=[*health.ROUTES, *thumbnails.ROUTES, *mounting.routes()],
    middleware=protection.middleware(),
    on_script_error=errors.report,
)
