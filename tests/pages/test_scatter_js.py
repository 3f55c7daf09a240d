"""The JavaScript of the scatter plot: its unit tests, run by the Node.js that Playwright brings."""

from __future__ import annotations

import subprocess
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

TESTS = Path(__file__).with_name("scatter.test.mjs")


def test_the_pure_functions_of_the_scatter_plot_pass_their_unit_tests():
    node, _ = compute_driver_executable()
    result = subprocess.run([node, "--test", str(TESTS)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
