"""``python -m server``: the administrator's password of a public server, and the keys of its API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pages.shared import administrator
from pipeline.cli import console
from server.api import api_settings, keys

app = console.new_app("Look after a public server.")


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


@app.command("key")
def add_key(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the name of the program.")],
    file: Annotated[Path, typer.Argument(help="Where to keep the keys' hashes, readable only by you.")],
    metrics: Annotated[bool, console.switch("--metrics", "The key also reads /v1/metrics.")] = False,
) -> None:
    """Make a key for a program that uses the API, and print it. Nothing keeps it."""
    typer.echo(keys.add(file, name, reads_metrics=metrics))
    typer.echo(f"Start the app with {api_settings.KEYS_VARIABLE}={file}.", err=True)


@app.command("remove-key")
def remove_key(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    file: Annotated[Path, typer.Argument(help="Where the keys' hashes are.")],
) -> None:
    """Remove a key. A running server refuses it from the next request on."""
    keys.remove(file, name)


if __name__ == "__main__":
    raise SystemExit(console.run(app, None, "python -m server"))
