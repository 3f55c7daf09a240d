"""The list of packages that `make sbom` writes."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(not importlib.util.find_spec("cyclonedx_py"), reason="the tools of `make sbom` are not installed")
def test_every_pinned_package_is_listed_with_its_hashes(tmp_path):
    (recipe,) = re.findall(r"cyclonedx-py (requirements .*?) \\\n", (ROOT / "Makefile").read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "cyclonedx_py", *recipe.split(), "--output-file", tmp_path / "sbom.json"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    listed = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    found = {(each["name"], each["version"]) for each in listed["components"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert found == set(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    assert all(each["externalReferences"][0]["hashes"] for each in listed["components"])
