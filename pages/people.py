"""The people of a gallery: who is in it, adding some by photos, and removing them again."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import faces, navigation, problems, session, url_state
from pages.shared.streamlit_fixes import require_router
from pages.shared.text import escape, fold
from pipeline import photo
from pipeline.errors import GalleryError, PhotoError, UserError
from pipeline.gallery import editing, inspection, layout, managing
from pipeline.gallery.editing import NewPhoto
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import Rejection
from pipeline.sources import folder
from pipeline.sources.base import display_name

STYLE = """<style>
[class*="st-key-card"] button { min-height: 0; padding: 0; }
</style>"""
PAGE = 48
KEPT = (
    "What you add is kept on this machine, in the gallery's folder: the photos, their faces and names. It is sent "
    "nowhere, and removing somebody deletes all of it."
)
# What cameras and messengers call their files says nothing about who is on them.
_CAMERA = re.compile(
    r"(img|dscn?|dcim|pxl|mvimg|image|photo|picture|screenshot|whatsapp|signal|download|unnamed|scan)(?![^\W\d])"
    r"|\d|[0-9a-f]{8}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Dropped:
    """A photo that waits to be added. It lives in the session until then. shown: a small square of it, uint8."""

    key: str
    file: str
    data: bytes
    looked: InspectedPhoto
    shown: np.ndarray

    @property
    def suggestion(self) -> str:
        """The name that the file's name suggests, or nothing."""
        name = display_name(folder.name_from_file(self.file))
        return "" if _CAMERA.match(name) else name


def page() -> None:
    """The page from top to bottom."""
    try:
        opened = session.read_gallery(session.gallery_name())
    except UserError as error:
        st.title("People", anchor=False)
        problems.show(error)
        return
    session.loading_models()
    if (row := st.session_state.pop("to_map", None)) is not None:
        st.switch_page(navigation.page("Explorer"), query_params={"face": str(row)})
    st.html(STYLE)
    head(opened)
    if said := st.session_state.pop("said", None):
        st.success(said, icon=":material/check_circle:")
    if not st.session_state.get("dialog"):
        complain()
    left, right = st.columns([2, 5], gap="medium")
    with left:
        files = ask(opened)
    with right:
        if files:
            review(opened, look(files))
        elif len(opened):
            wall(opened)
        else:
            st.info("Nobody is in this gallery yet. Add the first photos.", icon=":material/group_add:")
    if dialog := st.session_state.get("dialog"):
        DIALOGS[dialog[0]](opened, *dialog[1:])


def own(opened: Gallery) -> bool:
    """Whether people may be added and removed: the demonstration is the same for everybody."""
    return opened.name != layout.DEMONSTRATION


def head(opened: Gallery) -> None:
    """What gallery it is, and what can be done with it as a whole."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.title("People", anchor=False)
            st.caption(f"{escape(opened.name)} · {counted(opened)}")
        with st.container(horizontal=True, width="content"):
            st.button("New gallery", icon=":material/add_photo_alternate:", on_click=show, args=("new",))
            if own(opened):
                st.button(
                    "Delete gallery", icon=":material/delete:", type="tertiary", on_click=show, args=("delete",)
                )


def counted(opened: Gallery) -> str:
    """How many photos of how many people."""
    return f"{plural(len(opened), 'photo')} of {plural(opened.people_count, 'person', 'people')}"


def plural(count: int, one: str, several: str = "") -> str:
    """A number with its word."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def show(*dialog: Any) -> None:
    """Open a dialog, or close the one that is open."""
    st.session_state.dialog = dialog


def attempt(change: Callable[[], str]) -> None:
    """Change something: what it says is shown, or why it could not be done."""
    try:
        st.session_state.said = change()
    except GalleryError as error:
        st.session_state.failed = escape(str(error))
    except OSError as error:
        words = f"The data folder cannot be written: {error.strerror}. Make room in it, and try again."
        st.session_state.failed = escape(words)
    else:
        show()


def complain() -> None:
    """Say why something could not be done."""
    if failed := st.session_state.pop("failed", None):
        st.error(failed, icon=":material/error:")


# Adding ---------------------------------------------------------------------------------------------------------


def ask(opened: Gallery) -> list[UploadedFile]:
    """The place for photos."""
    if not own(opened):
        with st.container(border=True):
            st.markdown("##### :material/person_add: Add yourself")
            st.markdown(
                "The demonstration is the same for everybody. Start a gallery of your own: empty, or with a copy of "
                "these people, so that you can find yourself and your friends among them."
            )
            st.button("Start your own", type="primary", on_click=show, args=("new",))
        return []
    with st.container(border=True):
        st.markdown("##### :material/person_add: Add people")
        # A new number empties the uploader.
        files = st.file_uploader(
            "Photos of faces",
            [suffix[1:] for suffix in photo.SUFFIXES],
            accept_multiple_files=True,
            key=f"drop {st.session_state.get('dropped', 0)}",
            help="Several at once. A file called Ann Lee_2.jpg suggests the name Ann Lee.",
        )
    st.caption(f":material/lock: {KEPT}")
    return list(files)


def look(files: list[UploadedFile]) -> list[Dropped]:
    """What was seen on each photo, looked at once and kept for the session while it waits."""
    known: dict[str, Dropped] = st.session_state.get("looked_at", {})
    contents = {file.file_id: file for file in files}
    new = [key for key in contents if key not in known]
    if new:
        place, loading = st.empty(), session.loading_models()
        with place.status("Loading the networks"):
            wait([loading])
        if isinstance(error := loading.exception(), UserError):
            place.empty()
            problems.show(error)
            st.stop()
        models = loading.result()
        with place.status("Looking at the photos") as status:
            for number, key in enumerate(new, start=1):
                status.update(label=f"Looking at photo {number} of {len(new)}")
                data = contents[key].getvalue()
                (looked,) = inspection.inspect_photos([data], models.detector, models.embedder)
                known[key] = Dropped(key, contents[key].name, data, looked, small(data, looked))
        place.empty()
    st.session_state.looked_at = {key: known[key] for key in contents}
    return list(st.session_state.looked_at.values())


def small(data: bytes, looked: InspectedPhoto) -> np.ndarray:
    """The face of a photo, or the photo where it has none, as a square; grey where it cannot be read."""
    try:
        return faces.square(photo.read(looked.portrait or data))
    except PhotoError:
        return np.full((256, 256, 3), 128, np.uint8)


def review(opened: Gallery, dropped: list[Dropped]) -> None:
    """Who is on the photos, and which of them are good enough."""
    usable = [each for each in dropped if not each.looked.quality.flaw]
    suggested = list(dict.fromkeys(each.suggestion for each in usable if each.suggestion))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        several = False
        if len(dropped) > 1:
            ways = {"one": "One person", "several": "Several people"}
            way = st.segmented_control(
                "The photos show",
                list(ways),
                format_func=ways.__getitem__,
                default="several" if len(suggested) > 1 else "one",
                required=True,
                key=f"way of {st.session_state.get('dropped', 0)}",
            )
            several = way == "several"
        if not several:
            first = suggested[0] if suggested else ""
            st.text_input("Who is this?", first, max_chars=80, placeholder="Name", key="name of all")
    place = st.container()
    grid = st.grid("auto", min_column_width=150, border=True)
    cells = []
    for each in dropped:
        cell = grid.cell()
        cells.append(cell)
        with cell:
            st.image(each.shown, width="stretch", alt=f"The face in {each.file}")
            if several and each in usable:
                st.text_input(
                    f"Who is on {escape(each.file)}?",
                    each.suggestion,
                    max_chars=80,
                    placeholder="Who is this?",
                    key=f"name of {each.key}",
                    label_visibility="collapsed",
                )
    photos = named(dropped, several)
    rejections = editing.screen_photos(opened, photos)
    for cell, each, rejection in zip(cells, dropped, rejections, strict=True):
        with cell:
            verdict(each, rejection)
    good = [each for each, rejection in zip(photos, rejections, strict=True) if not rejection]
    with place:
        confirm(good, len(dropped) - len(good), lambda: added(opened.name, dropped, several))


def named(dropped: list[Dropped], several: bool) -> list[NewPhoto]:
    """The photos with the names that stand in the fields now."""
    names = [st.session_state.get(f"name of {each.key if several else 'all'}", "") for each in dropped]
    return [NewPhoto(name, each.file, each.data, each.looked) for name, each in zip(names, dropped, strict=True)]


def verdict(dropped: Dropped, rejection: Rejection | None) -> None:
    """Whether a photo will be added, or why it is rejected."""
    if rejection:
        st.badge(rejection.kind.capitalize(), icon=":material/block:", color="orange")
        st.caption(escape(rejection.detail[:1].upper() + rejection.detail[1:] or dropped.file))
        return
    st.badge("Good", icon=":material/check:", color="green")
    if dropped.looked.faces > 1:
        st.caption(f"The most prominent of {dropped.looked.faces} faces")
    else:
        st.caption(escape(dropped.file))


def confirm(photos: list[NewPhoto], refused: int, add: Callable[[], str]) -> None:
    """The button that adds the photos, or what keeps it from doing so."""
    count = sum(bool(each.person.strip()) for each in photos)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Add {plural(count, 'photo')}" if count else "Add",
            type="primary",
            icon=":material/person_add:",
            disabled=not count,
            on_click=attempt,
            args=(add,),
        )
        st.button("Cancel", type="tertiary", on_click=empty)
        if not photos:
            st.caption("None of these photos can be used. Try others that show one face, large and from the front.")
        elif count < len(photos):
            st.caption(f"{plural(len(photos) - count, 'photo')} still without a name")
        elif refused:
            st.caption(f"{plural(refused, 'photo')} will be left out")


def added(name: str, dropped: list[Dropped], several: bool) -> str:
    """Add the photos, and say who is in the gallery now. Raises GalleryError.

    A name that is written last counts, even where the click on the button is what ends its writing.
    """
    photos = [each for each in named(dropped, several) if each.person.strip()]
    rejections = editing.add_photos(name, photos)
    empty()
    good = [each for each, rejection in zip(photos, rejections, strict=True) if not rejection]
    people = dict.fromkeys(display_name(each.person) for each in good)
    words = " and ".join(filter(None, (", ".join(list(people)[:-1]), list(people)[-1] if people else "nobody")))
    return f"Added {escape(words)}: {plural(len(good), 'photo')}. The finder knows them now."


def empty() -> None:
    """Let go of the photos that wait."""
    st.session_state.dropped = st.session_state.get("dropped", 0) + 1
    for key in [key for key in st.session_state if str(key).startswith("name of ")]:
        del st.session_state[key]
    st.session_state.pop("looked_at", None)


# The wall -------------------------------------------------------------------------------------------------------


def wall(opened: Gallery) -> None:
    """Everybody, those who were added by hand first, the latest of them before the others."""
    wanted = st.text_input(
        "Search by name", key="search", icon=":material/search:", placeholder="Name", label_visibility="collapsed"
    )
    names, sources = (opened.faces[column].to_pylist() for column in ("name", "source"))
    rows = opened.first_rows.tolist()
    rows.sort(key=lambda row: -row if sources[row] == editing.SOURCE else 1)
    words = fold(wanted or "").split()
    found = [row for row in rows if all(word in fold(names[row]) for word in words)]
    if not found:
        st.info(f"Nobody is called {escape((wanted or '').strip())}.", icon=":material/search_off:")
    pages = max(1, -(-len(found) // PAGE))
    number = min(st.session_state.get(f"page of {pages}", 1), pages)
    counts = np.bincount(opened.person_of_row)
    grid = st.grid("auto", min_column_width=104)
    for row in found[(number - 1) * PAGE : number * PAGE]:
        with grid.cell(), st.container(gap="xxsmall", key=f"card {row}"):
            st.image(faces.portrait(opened.crop_path(row), 160), width="stretch", alt=f"Photo of {names[row]}")
            person = opened.faces["person"][row].as_py()
            st.button(
                escape(names[row]),
                key=f"show {person}",
                on_click=show,
                args=("person", person),
                type="tertiary",
                width="stretch",
                wrap=True,
            )
            count = int(counts[opened.person_of_row[row]])
            if count > 1:
                st.caption(plural(count, "photo"), text_alignment="center")
    if pages > 1:
        st.pagination(pages, key=f"page of {pages}")


# Dialogs --------------------------------------------------------------------------------------------------------


def open_dialog(title: str, draw: Callable[[], None], width: Literal["small", "medium"] = "small") -> None:
    """Open a dialog until another one, or none, is asked for."""
    asked = st.session_state.dialog[:2]

    @st.dialog(title, width=width, on_dismiss=show)
    def dialog() -> None:
        if st.session_state.dialog[:2] != asked:
            st.rerun()
        draw()
        complain()

    dialog()


def about_person(opened: Gallery, person: str, *_: str) -> None:
    """All photos of a person. What is about to be removed, the hash of a photo or nothing for all, comes third."""
    rows = np.flatnonzero(opened.person_of_row == person_number(opened, person)).tolist()
    if not rows:
        show()
        return
    name = opened.row(rows[0])["name"]

    def draw() -> None:
        columns = [opened.row(row) for row in rows]
        grid = st.grid("auto", min_column_width=120)
        for row, of in zip(rows, columns, strict=True):
            with grid.cell(), st.container(gap="xxsmall"):
                st.image(faces.portrait(opened.crop_path(row)), width="stretch", alt=f"Photo of {name}")
                if own(opened) and len(rows) > 1:
                    st.button(
                        "Remove",
                        key=f"remove {of['sha256']}",
                        type="tertiary",
                        width="stretch",
                        on_click=show,
                        args=("person", person, of["sha256"]),
                    )
        for source, licence in dict.fromkeys((of["source"], of["licence"]) for of in columns):
            st.caption(escape(f"{source}. Licence: {licence}"))
        for doubt in st.session_state.dialog[2:]:
            sure(opened, person, name, doubt, len(rows))
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Show on the map", icon=":material/explore:", type="tertiary", on_click=to_map, args=(rows[0],))
            if own(opened):
                st.space("stretch")
                words = f"Remove {escape(name)}"
                st.button(words, icon=":material/delete:", on_click=show, args=("person", person, ""), wrap=True)

    open_dialog(escape(name), draw, "medium")


def to_map(row: int) -> None:
    """Close the dialog and go. A link would leave it open for when the visitor comes back."""
    show()
    st.session_state.to_map = row


def person_number(opened: Gallery, person: str) -> int:
    """The number of a person by the key; -1 where somebody else has removed them."""
    keys = opened.faces["person"].to_pylist()
    return int(opened.person_of_row[keys.index(person)]) if person in keys else -1


def sure(opened: Gallery, person: str, name: str, sha256: str, count: int) -> None:
    """Ask before something is deleted."""
    what = "this photo of " if sha256 else ""
    all_of_them = "" if sha256 else f" with {plural(count, 'photo')}"
    with st.container(border=True):
        st.markdown(
            f"**Remove {what}{escape(name)}{all_of_them} from {escape(opened.name)}?** "
            "Nothing of it is kept on this machine, and that cannot be undone. Files in folders of your own stay."
        )
        if sha256:
            row = opened.faces["sha256"].to_pylist().index(sha256)
            st.image(faces.portrait(opened.crop_path(row)), width=96, alt=f"The photo of {name} to be removed")
        with st.container(horizontal=True):
            st.button(
                "Remove for good",
                type="primary",
                icon=":material/delete_forever:",
                on_click=attempt,
                args=(lambda: removed(opened.name, person, name, sha256),),
            )
            st.button("Keep", on_click=show, args=("person", person))


def removed(gallery_name: str, person: str, name: str, sha256: str) -> str:
    """Remove a person or a photo, and say so. Raises GalleryError."""
    count = editing.remove_person(gallery_name, person, sha256 or None)
    session.forget_galleries()
    url_state.forget()
    return f"Removed {plural(count, 'photo')} of {escape(name)}."


def new_gallery(opened: Gallery) -> None:
    """A gallery of the user's own."""

    def draw() -> None:
        name = st.text_input("Name", "with-me" if not own(opened) else "", max_chars=100, key="new name")
        ways = {
            "copy": f"A copy of {escape(opened.name)}: {counted(opened)}",
            "empty": "Nobody yet",
        }
        way = st.radio("Begin with", list(ways), format_func=ways.__getitem__, key="new way")
        st.button(
            "Create",
            type="primary",
            disabled=not (name or "").strip(),
            on_click=attempt,
            args=(lambda: created((name or "").strip(), opened.name if way == "copy" else None),),
        )

    open_dialog("New gallery", draw)


def created(name: str, source: str | None) -> str:
    """Make a gallery and go to it. Raises GalleryError."""
    if source:
        managing.copy_gallery(source, name)
    else:
        managing.create_gallery(name)
    session.switch_to(name)
    return f"The gallery {escape(name)} is there. Add photos of people to it."


def delete_gallery(opened: Gallery) -> None:
    """The end of a gallery."""

    def draw() -> None:
        st.markdown(
            f"**Delete {escape(opened.name)} with {counted(opened)}?** Its faces and the photos that were "
            "added here are deleted from this machine. Files in folders of your own stay as they are."
        )
        with st.container(horizontal=True):
            st.button(
                "Delete for good",
                type="primary",
                icon=":material/delete_forever:",
                on_click=attempt,
                args=(lambda: deleted(opened.name),),
            )
            st.button("Keep", on_click=show)

    open_dialog("Delete gallery", draw)


def deleted(name: str) -> str:
    """Delete a gallery and go to the first one. Raises GalleryError."""
    managing.delete_gallery(name)
    session.forget_galleries()
    session.switch_to(None)
    return f"The gallery {escape(name)} is deleted."


DIALOGS: dict[str, Callable[..., None]] = {"person": about_person, "new": new_gallery, "delete": delete_gallery}

if __name__ == "__main__":  # Streamlit ran this file without the router.
    require_router()
