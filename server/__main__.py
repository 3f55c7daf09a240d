"""``python -m server password FILE``: set the password of the administrator of a public server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pages.shared import administrator
from pipeline.cli import console

app = console.new_app("Look after a public server.")


@app.callback()
def _commands() -> None:
    """Make typer expect the name of a command, although there is only one."""


@app.command()
def password(
    file: Annotated[Path, typer.Argument(help="Where to keep the password's hash, readable only by you.")],
) -> None:
    """Set the administrator's password."""
    chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(chosen) < administrator.PASSWORD_MIN:
        raise typer.BadParameter(f"Use at least {administrator.PASSWORD_MIN} characters.")
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as written:
        written.write(administrator.hashed(chosen, os.urandom(16)) + "\n")
    typer.echo(f"Start the app with {administrator.VARIABLE}={file} and sign in under Lab.")


if __name__ == "__main__":
    raise SystemExit(console.run(app, None, "python -m server"))
