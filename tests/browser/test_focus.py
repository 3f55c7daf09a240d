"""Where the focus goes when the element that had it is gone: focus.js in a real Chromium, on a small page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages.shared import focus

PAGE = """<!doctype html><style>body { margin: 0 } [data-testid=stApp] { position: absolute }</style>
<div data-testid="stApp" data-test-script-state="notRunning">
  <div class="st-key-focus-target"></div>
  <div id="people">
    <div data-testid="stElementContainer" class="st-key-show-jerry"><button>Jerry</button></div>
    <div data-testid="stElementContainer" class="st-key-show-mindy"><button>Mindy</button></div>
  </div>
</div>"""
START = """async (code) => {
    const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    module.default({ data: "focus-target" });
}"""
REDRAW = "people.innerHTML = people.innerHTML"
OPEN = """const dialog = document.createElement("div");
dialog.id = "dialog";
dialog.setAttribute("role", "dialog");
dialog.innerHTML = "<button>Remove</button>";
document.body.append(dialog);
dialog.firstChild.focus();"""
SAY = "document.querySelector('.st-key-focus-target').innerHTML = '<div role=alert>Removed</div>'"


def run_state(state):
    return f"document.querySelector('[data-testid=stApp]').dataset.testScriptState = '{state}'"


@pytest.fixture
def keeper(browser):
    context = browser.new_context()
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(error.message))
    page.set_content(PAGE)
    page.evaluate(START, Path(focus.__file__).with_name("focus.js").read_text(encoding="utf-8"))
    page.get_by_role("button", name="Jerry").focus()
    yield page
    context.close()
    assert complaints == []


def test_a_widget_that_is_drawn_anew_keeps_the_focus(keeper):
    keeper.evaluate(run_state("running"))
    keeper.evaluate(REDRAW)
    keeper.evaluate(run_state("notRunning"))
    expect(keeper.get_by_role("button", name="Jerry")).to_be_focused()


def test_after_a_dialog_the_focus_goes_back_to_what_opened_it_even_drawn_anew(keeper):
    keeper.evaluate(OPEN)
    keeper.evaluate(REDRAW)
    keeper.evaluate("dialog.remove()")
    expect(keeper.get_by_role("button", name="Jerry")).to_be_focused()


def test_where_the_opener_is_gone_the_message_gets_the_focus_when_it_comes(keeper):
    keeper.evaluate(OPEN)
    keeper.evaluate("people.firstElementChild.remove()")
    keeper.evaluate("dialog.remove()")
    keeper.wait_for_timeout(300)
    keeper.evaluate(SAY)
    expect(keeper.get_by_role("alert")).to_be_focused()


def test_the_focus_waits_while_nothing_is_left_to_have_it(keeper):
    fill = "html => document.querySelector('[data-testid=stApp]').innerHTML = html"
    keeper.evaluate(fill, "")
    keeper.wait_for_timeout(300)
    keeper.evaluate(fill, "<div class=st-key-focus-target><h2>New</h2></div>")
    expect(keeper.get_by_role("heading", name="New")).to_be_focused()
