"""The documents hold what they promise: links, commands, tables, length."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks import tables
from pipeline.cli.app import main as pipeline_main
from train.cli.app import main as train_main

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^ {4,}\S.*|`[^`]+`", re.MULTILINE)
_COMMAND = re.compile(r"python -m (pipeline|train) ([a-z]+)([^#`|\n]*)")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """The names under which GitHub links to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_has_at_most_800_words():
    assert len(README.split()) <= 800


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_to_a_file_and_a_heading(document):
    broken = []
    for link in _LINK.findall(text_of(document)):
        path, _, anchor = link.partition("#")
        if path.startswith(("https:", "http:")):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_document_in_docs_is_linked_from_the_readme():
    links = {link.partition("#")[0] for link in _LINK.findall(README)}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= links


def test_make_targets_named_in_documents_exist():
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for code in _CODE.findall(text_of(document))
        for target in re.findall(r"\bmake ([a-z-]+)", code.partition("#")[0])
    }
    assert named <= targets
    assert {"run", "test", "test-fast", "lint"} <= named


def test_every_make_target_is_explained_by_make_help():
    makefile = text_of(ROOT / "Makefile")
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert phony is not None
    targets = set(phony[1].replace("\\\n", " ").split())
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def documented_commands() -> dict[tuple[str, str], set[str]]:
    """Each command named in a document, with the options it is named with."""
    found: dict[tuple[str, str], set[str]] = {}
    for document in DOCUMENTS:
        for program, command, rest in _COMMAND.findall(text_of(document)):
            found.setdefault((program, command), set()).update(re.findall(r"--[a-z][a-z-]*", rest))
    return found


@pytest.mark.parametrize(("program", "command"), sorted(documented_commands()))
def test_commands_and_options_named_in_documents_exist(program, command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code: object
    try:
        code = {"pipeline": pipeline_main, "train": train_main}[program]([command, "--help"])
    except SystemExit as stopped:
        code = stopped.code
    assert code in (0, None)
    known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert documented_commands()[program, command] <= known


@pytest.mark.parametrize("name", tables.TABLES)
def test_tables_show_what_is_recorded(name):
    document, rows = tables.TABLES[name]
    text = text_of(tables.DOCS / document)
    assert tables.filled(text, name, rows()) == text, "run `make tables`"


def test_a_table_without_markers_is_refused():
    with pytest.raises(ValueError, match="no markers for the table speed"):
        tables.filled("<!-- speed -->\n", "speed", [{"what": "a photo"}])


@pytest.fixture
def readme_photos(examples, tmp_path, monkeypatch):
    """The photos that the README's examples name, in the working directory."""
    shutil.copyfile(examples["Madonna"][0], tmp_path / "Madonna.jpg")
    shutil.copyfile(examples["Elton John"][1], tmp_path / "Elton_John.jpg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.tensorflow
@pytest.mark.parametrize("command", ["find", "compare"])
def test_the_readme_shows_the_real_output_of_a_command(command, readme_photos, capsys):
    example = re.search(rf"^    \$ python -m pipeline ({command} .+)\n((?:    [^$\n]+\n)+)", README, re.MULTILINE)
    assert example is not None
    assert pipeline_main(example[1].split()) == 0
    shown = "".join(line.removeprefix("    ") for line in example[2].splitlines(keepends=True))
    # The numbers of crops go on where a gallery was rebuilt.
    output, shown = (re.sub(r"\S+/crops/\S+", "", text) for text in (capsys.readouterr().out, shown))
    number = re.compile(r"-?\b\d+(?:\.\d+)?\b")
    assert number.sub("", output) == number.sub("", shown)
    # The networks' last digits depend on the processor.
    for found, expected in zip(number.findall(output), number.findall(shown), strict=True):
        assert float(found) == pytest.approx(float(expected), abs=0.005 if "." in expected else 1)


@pytest.mark.tensorflow
def test_the_python_example_in_the_readme_runs(readme_photos, capsys):
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    exec(example[1], {})
    assert "1. Madonna: 100 of 100" in capsys.readouterr().out
