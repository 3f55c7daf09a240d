"""The description of the API as a page: no scripts, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2,td{overflow-wrap:anywhere}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
code{font-size:.95em}"""


def page(described: dict[str, Any]) -> str:
    """The page of a description as OpenAPI."""
    parts = [
        f"<section><h2><code>{method.upper()} {escape(described['servers'][0]['url'] + path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{_table(described, operation)}</section>"
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(described["info"]["title"])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}: HTTP API</title>"
        f"<style>{_STYLE}</style>"
        f"<h1>{title}: HTTP API</h1><p>{escape(described['info']['description'])}</p>"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p>{"".join(parts)}</html>'
    )


def _table(described: dict[str, Any], operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{'needed' if needed else ''}</td>"
        f"<td>{escape(str(schema.get('description', '')))}</td></tr>"
        for name, needed, schema in _parameters(described, operation)
    )
    return f"<table><tr><th>name</th><th></th><th>what</th></tr>{rows}</table>" if rows else ""


def _parameters(described: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Name, whether it is needed, and schema of each parameter, in the address or in the body."""
    for each in operation.get("parameters", []):
        yield each["name"], each.get("required", False), {"description": each.get("description", "")}
    content = operation.get("requestBody", {}).get("content", {})
    for body in list(content.values())[:1]:
        schema = body["schema"]
        if reference := schema.get("$ref"):
            schema = described["components"]["schemas"][reference.rpartition("/")[2]]
        for name, own in schema.get("properties", {}).items():
            yield name, name in schema.get("required", []), own
