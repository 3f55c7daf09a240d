"""The app, served once for all browser tests, and a visitor's page for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect

from pages.shared import administrator, limits, public
from pipeline import storage
from pipeline.gallery import building, opening
from pipeline.search.cache import prepared_rows
from pipeline.similarity import registry
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, source_people
from tests.browser import serving

expect.set_options(timeout=60_000)
HOME = storage.home()
# A part of the page that moves is drawn twice while the page runs. Cells of a grid may: they are replaced one by one.
WATCH_FOR_COPIES = """new MutationObserver(() => {
    const seen = new Set();
    for (const part of document.querySelectorAll("[class*=st-key-]")) {
        if (part.closest("[data-testid=stGrid]") || !part.getClientRects().length) continue;
        const key = [...part.classList].find((name) => name.startsWith("st-key-"));
        // Who is similar to the next face, too, stands in the new list before all of the former one is replaced.
        if (/^st-key-(go|compare)-\\d+$/.test(key)) continue;
        if (seen.has(key)) console.error(`${key} is on the page twice`);
        seen.add(key);
    }
}).observe(document, { childList: true, subtree: true });"""
LAB = ("Training", "Systems")
ODD_NAME = "<b>Madonna</b> **bold** :smile: $x$ -> محمد"


def open_page(page: Page, name: str) -> None:
    """Go to a page by the menu."""
    if name in LAB:
        page.get_by_role("button", name="Lab").click()
        page.get_by_role("menuitem", name=name).click()
    else:
        link = page.get_by_role("link", name=name, exact=True)
        expect(link).to_be_visible()
        link.click()


def settle(page: Page) -> None:
    """Wait until the page is complete."""
    page.wait_for_timeout(500)
    serving.wait_until(
        page,
        "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
        " && !document.querySelector('[data-testid=stSkeleton]')",
    )


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The data folder and the folder for temporary files of the app: real weights, photos and demonstration."""
    place = tmp_path_factory.mktemp("browser")
    (place / "temporary").mkdir()
    return serving.own_home(place / "home"), place / "temporary"


@pytest.fixture(scope="session")
def odd_gallery(folders, models):
    """A second gallery, of one person with an odd name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKSLIKEWHO_HOME", str(folders[0]))
        person = SourcePerson(
            "odd", ODD_NAME, tuple(demonstration.example_photos()["Madonna"][1:3]), "Friends", "theirs"
        )
        building.build("odd", source_people([person]), models.detector, models.embedder)
        # What the app would keep of it on the first probe.
        prepared_rows(opening.open_gallery("odd"), registry.load_scorer())


@pytest.fixture(scope="session")
def app(folders, odd_gallery):
    """The address of the real app. It leaves no file behind: no photo is ever written."""
    home, temporary = folders
    before = contents(home)
    with serving.app(home, temporary) as address:
        yield address
        assert contents(home) == before
        log = (temporary.parent / "app.log").read_text(encoding="utf-8")
        assert not re.search("tensorflow|absl|Warning|PIL", log), log
        # TensorFlow writes the code that it generates.
        assert [path for path in contents(temporary) if "__autograph_generated_file" not in path] == []


@pytest.fixture(scope="module")
def own_app(tmp_path_factory):
    """The app with galleries and trainings of its own, the demonstration as the only gallery at first."""
    place = tmp_path_factory.mktemp("own")
    (place / "temporary").mkdir()
    with serving.app(serving.own_home(place / "home"), place / "temporary") as address:
        yield address


@pytest.fixture(scope="module")
def busy_app(tmp_path_factory):
    """A public server with an administrator, which looks at one photo at a time: its address and its password."""
    place = tmp_path_factory.mktemp("busy")
    (place / "temporary").mkdir()
    (place / "password").write_text(administrator.hashed("correct horse battery", b"0123456789abcdef"))
    with ExitStack() as stack:
        # For this server, not for those that other tests start meanwhile.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(public.VARIABLE, "demonstration")
            patch.setenv(administrator.VARIABLE, str(place / "password"))
            patch.setenv(limits.VARIABLE, "looks_at_once=1")
            served = serving.app(serving.own_home(place / "home"), place / "temporary")
            address = stack.enter_context(served)
        yield address, "correct horse battery"


@pytest.fixture
def page(app, browser):
    """A visitor's page."""
    with visit(app, browser) as page:
        yield page


@contextmanager
def visit(app: str, browser: Browser, **options: Any) -> Iterator[Page]:
    """A visitor's page. Nothing is fetched from elsewhere or drawn twice, and the console stays free of errors."""
    options = {"viewport": {"width": 1280, "height": 900}, "permissions": ["camera"], **options}
    context = browser.new_context(**options)
    context.add_init_script(WATCH_FOR_COPIES)
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Opened at another page than the first, Streamlit looks for its server there before it asks the root.
        # And a picture is gone where the next run has come before it was fetched. A test may break off an upload.
        about = message.location["url"] + message.text
        expected = any(part in about for part in ("/_stcore/", "/media/", "Network Error"))
        if message.type == "error" and (not expected or "Content Security Policy" in message.text):
            complaints.append(message.text)

    def fail(error: Error) -> None:
        if error.message != "Network Error":  # An upload that a test has broken off.
            complaints.append(error.message)

    def see(request: Request) -> None:
        if not request.url.startswith((app, "blob:", "data:")):
            complaints.append(request.url)

    page.on("console", hear)
    page.on("pageerror", fail)
    page.on("request", see)
    page.goto(app)
    # Until the router has run once on a server, Streamlit does not know the pages.
    expect(page).to_have_title(re.compile(" · LooksLikeWho$"))
    yield page
    context.close()
    assert complaints == []
