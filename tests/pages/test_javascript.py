"""The JavaScript of components: its unit tests, run by the Node.js that Playwright brings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.name.partition(".")[0])
def test_the_pure_functions_of_a_component_pass_their_unit_tests(tests):
    node, _ = compute_driver_executable()
    result = subprocess.run([node, "--test", str(tests)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
