"""A visitor of the app in Streamlit's own test runner, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

ROUTER = Path(__file__).parents[2] / "pages" / "router.py"


def visit(page: str = "finder", **query: object) -> AppTest:
    """The app, opened at a page's URL; lists are repeated parameters."""
    app = AppTest.from_file(str(ROUTER), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value if isinstance(value, list) else str(value)
    return go_to(app, page)


def go_to(app: AppTest, page: str) -> AppTest:
    """The app after a click on a page in the menu. ``AppTest.switch_page`` knows only pages that are files."""
    app._page_hash = calc_hash(page)
    return app.run()


def unescaped(text: str) -> str:
    """Markdown as it shows."""
    return re.sub(r"\\(.)|\*\*|\u2060", r"\1", text)


def portraits(page: AppTest) -> int:
    """How many faces of a gallery the page shows that the browser fetches."""
    return sum("<img" in body.value for body in page.html)
