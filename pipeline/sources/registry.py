"""The sources by name. Adding one takes a module and a line in ``SOURCES``."""

from __future__ import annotations

from pipeline.sources.base import Source
from pipeline.sources.folder import FOLDER
from pipeline.sources.lfw import LFW
from pipeline.sources.vggface2 import VGGFACE2
from pipeline.sources.wikidata.celebrities import WIKIDATA

SOURCES: dict[str, Source] = {source.name: source for source in (FOLDER, LFW, VGGFACE2, WIKIDATA)}
DEFAULT_SOURCE = FOLDER.name


def sources_help() -> str:
    """The sources in one sentence, for help texts."""
    return "; ".join(f"{source.name}: {source.help}" for source in SOURCES.values()) + "."
