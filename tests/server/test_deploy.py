"""What is in ``deploy/``: the real nginx in front of the real app, and checks of the files by their own tools."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages.shared import public
from tests.browser import serving
from tests.browser.conftest import visit
from tests.browser.test_finder import best, give
from tests.conftest import HOME

DEPLOY = serving.ROOT / "deploy"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def nginx(place: Path, app: str):
    """nginx as in ``deploy/``, with other ports and a certificate of its own: its address."""
    certificates = place / "certificates"
    certificates.mkdir()
    key, certificate = certificates / "privkey.pem", certificates / "fullchain.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for ours, other in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("http://127.0.0.1:8501", app),
        ("certificates/", f"{certificates}/"),
        # Where photos would be written: a folder that does not exist.
        ("http {", f"pid {place}/pid;\nhttp {{\nclient_body_temp_path {place}/none/body;\n"),
    ):
        assert ours in text
        text = text.replace(ours, other)
    changed = place / "nginx.conf"
    changed.write_text(text, encoding="utf-8")
    (place / "none").mkdir()
    server = ("nginx", "-p", place, "-e", place / "errors.log", "-c", changed)
    subprocess.run((*server, "-t"), check=True, capture_output=True)
    with subprocess.Popen((*server, "-g", "daemon off;")) as process:
        try:
            wait_for(port)
            shutil.rmtree(place / "none")
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Wait until somebody listens on the port."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_behind_nginx_uploads_and_the_webcam_work_and_nginx_writes_no_photo(browser, tmp_path, examples, monkeypatch):
    monkeypatch.setenv(public.VARIABLE, "demonstration")
    (tmp_path / "temporary").mkdir()
    with (
        serving.app(HOME, tmp_path / "temporary") as app,
        nginx(tmp_path, app) as address,
        visit(address, browser, ignore_https_errors=True) as page,
    ):
        give(page, examples["Madonna"][1].read_bytes() + bytes(3 * 10**6))
        best(page, "Madonna")
        page.get_by_role("button", name="Remove this photo").click()
        expect(page.get_by_text("No photo at hand?")).to_be_visible()
        page.get_by_text("Webcam", exact=True).click()
        serving.wait_until(page, "document.querySelector('video')?.readyState >= 2")
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Take Photo").click()
        best(page, "Jerry Seinfeld")
        host, port = address.removeprefix("https://").split(":")
        with (
            socket.create_connection((host, int(port))) as plain,
            ssl._create_unverified_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\nHost: harm.example\r\nConnection: close\r\n\r\n")
            assert secure.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path):
    program = tmp_path / "streamlit"
    program.touch(0o755)
    unit = (DEPLOY / "lookslikewho.service").read_text(encoding="utf-8")
    (tmp_path / "lookslikewho.service").write_text(
        unit.replace("/opt/lookslikewho/.venv/bin/streamlit", str(program)), encoding="utf-8"
    )
    done = subprocess.run(
        ("systemd-analyze", "verify", tmp_path / "lookslikewho.service"), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
