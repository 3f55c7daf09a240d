"""The app as it is served, with FaceNet on one crop of each face, as other tools use it.

``python -m benchmarks.one_crop run streamlit_app.py`` takes what ``streamlit`` takes.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.embedding.facenet import FACENET_SETTINGS, facenet_entry
from pipeline.embedding.registry import EMBEDDERS

ONE_CROP_SETTINGS = replace(FACENET_SETTINGS, views=FACENET_SETTINGS.views[:1])

if __name__ == "__main__":
    from streamlit.web import cli

    entry = facenet_entry(ONE_CROP_SETTINGS)
    EMBEDDERS[entry.name] = entry
    cli.main(prog_name="streamlit")
