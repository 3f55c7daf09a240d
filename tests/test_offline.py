"""Nothing is sent: commands and the app in a network of their own, whose name server notes every question.

An address without a name could not be reached there either, and nothing in the project has one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.processes import may_unshare

ROOT = Path(__file__).parents[1]
# Asks for names at this address, in a name space of its own, then brings the loopback device up and notes questions.
SCRIPT = """
set -e
echo "nameserver 127.0.0.1" > "$PLACE/resolv.conf"
mount --bind "$PLACE/resolv.conf" /etc/resolv.conf
exec "$@"
"""
WATCH = """
import array, fcntl, socket, struct, subprocess, sys, threading
loopback = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(loopback, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running
loopback.bind(("127.0.0.1", 53))
asked = []
def note():
    while True:
        question, sender = loopback.recvfrom(1000)
        asked.append(question)
        loopback.sendto(question[:2] + b"\\x81\\x83" + question[4:6] + bytes(6) + question[12:], sender)
threading.Thread(target=note, daemon=True).start()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print([question[12:].split(b"\\0")[0] for question in asked])
sys.exit(done.returncode)
"""
WITHOUT_OPENVINO = "import sys; sys.modules['openvino'] = None; "
# A gallery with an index in milvus-lite, in the folder that is given.
INDEXED = """
import os, sys
os.environ |= {"LOOKSLIKEWHO_HOME": sys.argv[1], "LOOKSLIKEWHO_INDEX": f"milvus:{sys.argv[1]}/faces.db"}
from benchmarks.synthetic import synthetic
from pipeline.gallery import opening, removing
from pipeline.search.search import Search
from pipeline.similarity.cosine import CosineScorer
synthetic("people", faces=100)
Search(opening.open_gallery("people"), CosineScorer())
removing.remove_person("people", "person 3")
"""
# A gallery that workers build.
BUILT_BY_WORKERS = """
import os, sys
from pathlib import Path
os.environ["LOOKSLIKEWHO_HOME"] = sys.argv[1]
from pipeline.gallery import building
from pipeline.gallery.workers import RayWorkers
from tests import toys
workers = RayWorkers("local", toys.load_networks)
building.build("toys", toys.crowd(Path(sys.argv[1]) / "photos", 8), *toys.load_networks(1), workers=workers)
"""
# Serves the page to one visitor.
SERVE = """
import subprocess, sys, time, urllib.request
command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
command += ["--server.port=8599", "--server.headless=true"]
with subprocess.Popen(command) as server:
    for _ in range(600):
        try:
            if urllib.request.urlopen("http://127.0.0.1:8599/ready").status == 200:
                break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit("The server was never ready.")
    server.terminate()
"""


UNSHARED = may_unshare("--mount", "--net", "mount", "--bind", "/etc/hosts", "/etc/resolv.conf")

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not UNSHARED, reason="this machine lets nobody have a network of their own"),
]


def asked_for(place: Path, *arguments: object) -> str:
    """Which names a Python program asks for, as a list in Python's own words."""
    home = place / "home"
    home.mkdir()
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "--net",
        "sh",
        "-c",
        SCRIPT,
        "sh",
        sys.executable,
        "-c",
        WATCH,
    ]
    variables = {"PLACE": str(place), "LOOKSLIKEWHO_HOME": str(HOME), "HOME": str(home), "CI": ""}
    done = subprocess.run(
        [*command, sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # Keras' settings and Matplotlib's fonts, but no number by which anybody could be known again.
    left = [path.name for path in home.rglob("*") if path.is_file()]
    assert [name for name in left if name != "keras.json" and not name.startswith("fontlist-")] == []
    return done.stdout.strip()


def test_the_name_server_notes_who_asks(tmp_path):
    program = (
        "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('statistics.example', 80)"
    )
    assert "statistics" in asked_for(tmp_path, "-c", program)


@pytest.mark.parametrize("embedder", ["facenet+sface", "facenet", "sface"])
def test_the_networks_ask_for_nothing_on_openvino_and_on_what_stands_in_for_it(embedder, tmp_path):
    program = f"from pipeline.embedding.registry import EMBEDDERS; EMBEDDERS[{embedder!r}].load()"
    for number, start in enumerate(("", WITHOUT_OPENVINO)):
        place = tmp_path / str(number)
        place.mkdir()
        assert asked_for(place, "-c", start + program) == "[]"


def test_the_command_line_asks_for_nothing(madonna, tmp_path):
    assert asked_for(tmp_path, "-m", "pipeline", "find", madonna) == "[]"


def test_an_index_in_a_file_asks_for_nothing(tmp_path):
    assert asked_for(tmp_path, "-c", INDEXED, tmp_path / "data") == "[]"


@pytest.mark.slow
def test_workers_on_this_machine_ask_for_nothing(tmp_path):
    assert asked_for(tmp_path, "-c", BUILT_BY_WORKERS, tmp_path / "data") == "[]"


@pytest.mark.slow
def test_the_app_asks_for_nothing(tmp_path):
    assert asked_for(tmp_path, "-c", SERVE) == "[]"
