"""Whether there is an API, and for whom."""

from __future__ import annotations

import subprocess
import sys

import pytest
from streamlit import config

from pages.shared import public
from pipeline.errors import UserError
from server.api import api_settings as module
from server.api.api_settings import ApiSettings, api_settings
from tests.browser import serving
from tests.processes import in_a_process


@pytest.fixture
def server(monkeypatch):
    """Says what kind of a server this is, and reads the settings of the API."""

    def server_(*, address: str = "localhost", shown: str = "", api: str = "", keys: str = "") -> ApiSettings:
        for name, value in ((public.VARIABLE, shown), (module.VARIABLE, api), (module.KEYS_VARIABLE, keys)):
            monkeypatch.setenv(name, value)
        before = config.get_option("server.address")
        config.set_option("server.address", address)
        try:
            return api_settings()
        finally:
            config.set_option("server.address", before)

    return server_


@pytest.mark.parametrize(
    ("kind", "is_on"),
    [
        ({}, True),
        ({"api": "off"}, False),
        ({"api": "embeddings"}, True),
        ({"shown": "demonstration"}, False),
        ({"shown": "demonstration", "api": "embeddings"}, False),
        ({"shown": "demonstration", "api": "on"}, True),
        ({"shown": "demonstration", "keys": "file"}, True),
        ({"shown": "demonstration", "keys": "file", "api": "off"}, False),
        ({"address": "0.0.0.0"}, False),
        ({"address": "0.0.0.0", "keys": "file"}, True),
    ],
)
def test_there_is_an_api_on_its_own_machine_where_there_are_keys_or_where_it_is_switched_on(kind, is_on, server):
    assert server(**kind).is_on == is_on


def test_embeddings_are_told_only_where_that_is_switched_on(server):
    assert not server(api="on").gives_embeddings
    assert server(api="on, Embeddings").gives_embeddings


def test_only_a_server_for_its_own_machine_is_private(server):
    assert server().is_private
    assert not server(shown="demonstration", api="on").is_private
    assert not server(address="0.0.0.0", api="on").is_private


@pytest.mark.parametrize("text", ["yes", "on,metrics", "on,off"])
def test_settings_that_make_no_sense_are_named(text, server):
    with pytest.raises(UserError, match=module.VARIABLE):
        server(api=text)


def test_a_missing_file_of_keys_ends_the_server_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv(module.KEYS_VARIABLE, str(tmp_path / "none"))
    command = (sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true")
    done = subprocess.run((*command, "--server.port=0"), cwd=serving.ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode
    assert "The file with the keys of the API is missing or damaged." in done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_packages_there_is_no_api_and_the_app_starts():
    code = "import sys; sys.modules['fastapi'] = None; from server.api import mounting; print(mounting.routes())"
    assert in_a_process(code).strip() == "[]"


def test_importing_the_settings_needs_none_of_its_packages():
    loaded = in_a_process("import sys, server.lifecycle; print('fastapi' in sys.modules)")
    assert loaded.strip() == "False"
