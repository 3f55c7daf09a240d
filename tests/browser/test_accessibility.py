"""No state of any page has a serious fault that axe-core finds, in light and in dark."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, expect

from tests.browser import serving, states
from tests.browser.conftest import visit

SERIOUS = ("serious", "critical")
# What appears, goes, or waits for a run is pale meanwhile. What turns without end does not count.
AT_REST = """() => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning"
    && !document.getAnimations().some(
        (one) => one.playState === "running" && one.effect.getComputedTiming().endTime !== Infinity)"""
LOOKS = 4
WALKS = ("finder", "explorer", "systems", "people", "training")


def faults(page: Page) -> list[str]:
    """The serious faults of a page, each with the elements that have it."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:300]} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def note(page: Page, state: str, *, found: dict[str, list[str]]) -> None:
    """Keep the faults of a state that last: what a run is about to replace is pale for a moment."""
    some: list[str] = []
    for _ in range(LOOKS):
        page.wait_for_timeout(300)
        with suppress(Error):  # In the middle of work, a page never comes to rest.
            serving.wait_until(page, AT_REST, seconds=10)
        some = faults(page)
        if not some:
            return
    found[state] = some


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("walk", WALKS)
def test_no_state_has_a_serious_fault(own_app, browser, examples, walk, scheme):
    found: dict[str, list[str]] = {}
    with visit(own_app, browser, color_scheme=scheme) as page:
        if walk != "explorer":  # The finder leads there.
            page.goto(f"{own_app}/{walk}")
        arguments = (examples,) if walk in ("finder", "people") else ()
        getattr(states, walk)(page, partial(note, found=found), *arguments)
        if walk == "people":
            page.get_by_role("button", name="Delete gallery").click()
            note(page, "delete", found=found)
            page.get_by_role("button", name="Delete for good", exact=True).click()
            expect(page.get_by_text("is deleted")).to_be_visible()
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_has_no_serious_fault(busy_app, browser, scheme):
    address, password = busy_app
    found: dict[str, list[str]] = {}
    with visit(address, browser, color_scheme=scheme) as page:
        page.goto(f"{address}/sign-in")
        states.sign_in(page, partial(note, found=found), password)
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_offer_to_set_up_has_no_serious_fault(browser, tmp_path, scheme):
    (tmp_path / "temporary").mkdir()
    with (
        serving.app(tmp_path / "home", tmp_path / "temporary") as address,
        visit(address, browser, color_scheme=scheme) as page,
    ):
        expect(page.get_by_role("button", name="Set up now")).to_be_visible()
        serving.wait_until(page, AT_REST)
        assert faults(page) == []
