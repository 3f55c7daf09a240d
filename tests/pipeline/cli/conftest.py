"""Running commands in this process."""

from __future__ import annotations

import pytest

from pipeline.cli.app import main
from pipeline.lookalikes import Models


@pytest.fixture
def run(capsys):
    """Runs a command: exit code, output, errors."""

    def run_(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run_


@pytest.fixture
def run_loaded(run, models, monkeypatch):
    """The same with the networks that are loaded already."""
    monkeypatch.setattr(Models, "load", lambda: models)
    return run


def one_sentence(code: int, output: str, errors: str) -> str:
    """The sentence that explains a user error, with the command that fixes it, if there is one."""
    assert code == 1
    assert output == ""
    line, *commands = errors.strip().splitlines()
    assert "Traceback" not in line
    assert all(command.startswith("Run: python -m ") for command in commands)
    assert len(commands) < 2
    return "\n".join((line, *commands))
