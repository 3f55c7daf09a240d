"""The finder page through Streamlit's own test runner: real networks, real photos, no browser."""

from __future__ import annotations

import html
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.formparsers import MultiPartParser
from streamlit.testing.v1 import AppTest

from pages.shared import card, loading, palette, session
from pages.shared.faces import for_screen, with_boxes
from pages.shared.result import _columns
from pipeline import photo
from pipeline.embedding.registry import default_identity
from pipeline.gallery import building, layout, opening
from pipeline.lookalikes import Match, Models
from pipeline.photo import INCOMPLETE, PhotoLimits
from pipeline.similarity import files
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, source_people
from tests.conftest import beside, cut_off, default_dimensions, encoded, enlarged
from tests.pages.visitor import ROUTER, unescaped, visit
from tests.pipeline.similarity.test_scorers import CURVE, network

OF_DEFAULT = {"embedding": default_identity()}

ODD_NAMES = {
    "Ben Affleck": "**Bold** _leaning_ `code` [link](https://example.org)",
    "Elton John": "<b>HTML</b> & <script>alert(1)</script>",
    "Jerry Seinfeld": ":smile: :material/face: :red[red] $x^2$ -> --",
    "Madonna": "\"Quote\" 'single' \\ 1. # > | 😀",
    "Mindy Kaling": "محمد علي \u202eabc",
}


_LOAD = Models.load


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


@pytest.fixture
def page():
    """The page, opened by a visitor."""
    return visit()


def given(page: AppTest, data: Any, name: str = "photo.jpg", mime: str = "image/jpeg") -> AppTest:
    """The page after an upload of a file's bytes, a path or an array."""
    data = data.read_bytes() if isinstance(data, Path) else encoded(data) if isinstance(data, np.ndarray) else data
    return page.file_uploader[0].upload(name, data, mime).run()


def names(page: AppTest) -> list[str]:
    """The people on the page, the first first."""
    assert not page.exception
    bodies = [body.value.replace("<wbr>", "") for body in page.html]
    return [html.unescape(found) for body in bodies for found in re.findall("<bdi>(.*?)</bdi>", body)]


def test_the_page_says_that_part_of_a_photo_is_missing_and_goes_on_saying_it(page, madonna):
    assert names(given(page, cut_off(madonna)))[0] == "Madonna"
    for _ in range(2):
        assert [INCOMPLETE in caption.value for caption in page.caption].count(True) == 1
        page.run()
    assert not any(INCOMPLETE in caption.value for caption in given(page, madonna).caption)


def test_before_a_photo_the_page_asks_for_one_and_offers_the_five_examples(page):
    assert names(page) == []
    assert len(page.file_uploader) == 1
    assert [button.label for button in page.button] == list(demonstration.example_photos())
    assert any("memory of this session" in caption.value for caption in page.caption)
    assert any("never tells who somebody is" in caption.value for caption in page.caption)


@pytest.mark.parametrize("person", demonstration.example_photos())
def test_every_example_photo_of_a_person_gives_that_person_first(person, page):
    for path in demonstration.example_photos()[person]:
        assert names(given(page, path))[0] == person, path.name


def test_a_click_on_an_example_empties_the_uploader_and_gives_look_alikes_of_that_person(page, madonna):
    given(page, madonna)
    page.button(key="example Elton John").click().run()
    assert page.file_uploader[0].value is None
    assert "Elton John" not in names(page)
    assert len(names(page)) == 9
    assert any(unescaped(caption.value) == "Left out: Elton John" for caption in page.caption)
    page.button(key="show everybody").click().run()
    assert names(page)[0] == "Elton John"


def test_not_this_person_brings_the_next_one_until_everybody_is_shown_again(page, madonna):
    before = names(given(page, madonna))
    keys = [str(button.key) for button in page.button if button.label == "Not this person"]
    assert len(keys) == 9
    page.button(key=keys[0]).click().run()
    page.button(key=keys[2]).click().run()
    after = names(page)
    assert after[:7] == [name for name in before if name not in (before[0], before[2])]
    assert len(after) == 9
    given(page, madonna, "the same again.jpg")
    assert names(page) == before
    page.button(key=keys[0]).click().run()
    page.button(key="show everybody").click().run()
    assert names(page) == before


def test_somebody_is_always_left(small, examples):
    page = given(visit(), examples["Madonna"][2])
    for _ in range(4):
        next(button for button in page.button if button.label == "Not this person").click().run()
    assert not page.exception
    assert len(names(page)) == 1
    assert "Not this person" not in [button.label for button in page.button]


def test_a_photo_from_the_webcam_gives_its_person(page, madonna):
    page.segmented_control(key="way").select("Webcam").run()
    page.camera_input[0].upload("camera.jpg", madonna.read_bytes(), "image/jpeg").run()
    assert names(page)[0] == "Madonna"


def test_an_emptied_uploader_leaves_the_result_as_a_new_photo_may_be_on_its_way(page, madonna):
    given(page, madonna)
    before = names(page)
    page.file_uploader[0].clear().run()
    assert names(page) == before


def test_removing_the_photo_brings_the_welcome_back_and_forgets_it(page, madonna):
    given(page, madonna)
    page.button(key="remove").click().run()
    assert names(page) == []
    assert page.file_uploader[0].value is None
    assert "given" not in page.session_state
    assert "looked" not in page.session_state
    assert page.session_state.probe is None


def test_more_people_come_in_full_rows_until_there_are_forty(page, madonna):
    assert len(names(given(page, madonna))) == 1 + 8
    for count in (16, 24, 32, 40):
        page.button(key="more cards").click().run()
        assert len(names(page)) == 1 + count
    assert "more cards" not in [button.key for button in page.button]


@pytest.mark.parametrize("cards", range(1, 41))
def test_no_card_is_alone_in_the_last_row(cards):
    columns = _columns(cards)
    assert cards <= columns or cards % columns != 1


def test_another_method_ranks_again_without_finding_faces_again(page, madonna):
    given(page, madonna)
    looked, before = page.session_state.looked, distances(page)
    page.segmented_control(key="method").select("average").run()
    assert page.session_state.looked is looked
    assert names(page)[0] == "Madonna"
    assert distances(page) != before


def test_switching_to_cosine_and_back_ranks_again_without_finding_faces_again(page, madonna):
    given(page, madonna)
    looked, before = page.session_state.looked, (resemblances(page), distances(page))
    page.segmented_control(key="scorer").select("cosine").run()
    assert page.session_state.looked is looked
    assert names(page)[0] == "Madonna"
    assert distances(page) != before[1]
    page.segmented_control(key="scorer").select("network").run()
    assert (resemblances(page), distances(page)) == before


def test_a_run_of_ones_own_compares_faces_until_it_is_gone(small, madonna):
    folder = small.parents[1] / "runs" / "mine"
    files.write_network(folder, network(length=default_dimensions()), CURVE, OF_DEFAULT)
    files.write_network(
        folder.with_name("of few people"),
        network(length=default_dimensions()),
        None,
        OF_DEFAULT,
    )
    page = given(visit(), madonna)
    assert list(page.segmented_control(key="scorer").options) == ["Trained network", "Cosine", "Your run mine"]
    before = distances(page)
    page.segmented_control(key="scorer").select("mine").run()
    assert not page.exception
    assert distances(page) != before
    shutil.rmtree(folder)
    page.run()
    assert not page.exception
    assert distances(page) == before


def test_every_match_shows_its_distance_the_nearest_first(page, madonna):
    given(page, madonna)
    found = distances(page)
    assert len(found) == len(names(page)) == 9
    assert found == sorted(found)
    assert any("trained network" in text.value for text in page.caption)


def test_an_exact_search_can_be_chosen_in_a_large_gallery(page, madonna):
    given(page, madonna)
    before = distances(page)
    page.toggle(key="exact").set_value(True).run()
    assert names(page)[0] == "Madonna"
    assert all(near <= far for near, far in zip(distances(page), before, strict=True))
    page.segmented_control(key="scorer").select("cosine").run()
    assert page.toggle(key="exact").disabled


def test_a_missing_network_is_explained_in_a_sentence(page, madonna, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    session._lookalikes.clear()
    given(page, madonna)
    assert not page.exception
    assert any("similarity network" in text.value for text in page.markdown)


def distances(page: AppTest) -> list[float]:
    return [float(distance) for distance in page.table[0].value["Distance"]]


def resemblances(page: AppTest) -> list[Any]:
    return [page.metric[0].value, *(bar.text for bar in page.progress)]


def test_picking_another_face_ranks_the_people_who_look_like_that_one(page, examples):
    people = ("Madonna", "Jerry Seinfeld", "Mindy Kaling")
    pictures = [photo.read(examples[person][0]) for person in people]
    given(page, beside(*(enlarged(picture, 300 / picture.shape[0]) for picture in pictures)))
    faces = page.segmented_control[0]
    assert list(faces.options) == ["1", "2", "3"]
    found = []
    for number in (1, 2, 3):
        page.segmented_control[0].select(number).run()
        found.append(names(page)[0])
    assert sorted(found) == sorted(people)
    for number in (1, 2, 3):
        page.button(key=f"tap-face-{number}").click().run()
        assert page.segmented_control[0].value == number
        assert names(page)[0] == found[number - 1]


def test_a_photo_without_a_face_says_so_and_offers_a_way_on(page):
    given(page, np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3)))
    assert page.error[0].value.startswith("No face was found\\.")
    assert names(page) == []
    assert page.file_uploader
    assert len(page.button) == 7


def test_a_dark_photo_a_small_face_and_a_tiny_photo_are_told_apart(page, madonna):
    picture = photo.read(madonna)
    dark = given(page, (picture // 40).astype(np.uint8)).error[0].value
    small = given(page, beside(enlarged(picture, 0.2), np.full((200, 200, 3), 128, np.uint8))).error[0].value
    tiny = given(page, picture[:20, :20]).error[0].value
    assert "more light" in dark
    assert "pixels high" in small or "No face" in small
    assert "Use a larger one" in tiny


@pytest.mark.parametrize(
    "data", [b"", b"Dear diary", b"\xff\xd8\xff\xe0" + bytes(500)], ids=["empty", "text", "stub"]
)
def test_a_file_that_is_no_photo_says_what_to_use(page, data):
    given(page, data)
    assert len(page.error) == 1
    assert names(page) == []


def test_a_file_above_the_limit_is_refused_with_the_limit(page):
    given(page, bytes(PhotoLimits().bytes_max + 1))
    assert "50 MB" in page.error[0].value


def test_after_an_error_the_next_photo_works(page, madonna):
    given(page, b"Dear diary")
    assert names(given(page, madonna))[0] == "Madonna"
    assert not page.error


def test_without_a_gallery_the_page_offers_to_set_up(empty_home):
    page = visit()
    assert [button.label for button in page.button] == ["Set up now"]
    assert not page.exception
    assert not page.file_uploader
    assert not empty_home.exists()


def test_without_weights_the_page_offers_to_set_up(small, monkeypatch):
    monkeypatch.setattr(Models, "load", _LOAD)
    (small.parent.parent / "models").unlink()
    loading.forget()
    try:
        page = visit()
        (failed,) = loading._loading().values()
        assert failed.exception(timeout=120)
        page.run()
        assert [button.label for button in page.button if not button.key] == ["Set up now"]
        assert not page.exception
    finally:
        loading.forget()


def test_a_damaged_gallery_is_explained_in_a_sentence(small):
    next(small.glob("embeddings-*.npy")).unlink()
    page = visit()
    assert not page.exception
    assert "small is damaged" in page.markdown[0].value
    assert [button.label for button in page.button] == ["Check again"]


def test_a_gallery_of_five_people_shows_all_of_them(small, madonna):
    page = given(visit(), madonna)
    assert names(page)[0] == "Madonna"
    assert len(names(page)) == 5
    assert "more cards" not in [button.key for button in page.button]
    assert not page.toggle


def test_a_photo_that_is_in_the_gallery_is_marked_as_the_same_photo(page):
    original = opening.open_gallery(layout.DEMONSTRATION).row(0)
    given(page, Path(original["original"]))
    assert names(page)[0] == original["name"]
    assert any("The same photo" in text.value for text in page.markdown)


@pytest.fixture
def odd(home, models):
    """The name of a gallery whose people have odd names."""
    people = [
        SourcePerson(name, ODD_NAMES[name], tuple(paths[1:2]), f"From **{name}**", "<i>none</i>")
        for name, paths in demonstration.example_photos().items()
    ]
    building.build("odd", source_people(people), models.detector, models.embedder)
    return "odd"


def test_a_picture_that_is_missing_from_the_gallery_leaves_a_grey_one(small, madonna):
    for path in small.rglob("*.jpg"):
        path.unlink()
    assert names(given(visit(), madonna))[0] == "Madonna"


def test_names_are_shown_exactly_as_written(odd, examples):
    page = given(visit(), examples["Madonna"][2])
    assert names(page)[0] == ODD_NAMES["Madonna"]
    assert set(names(page)) == set(ODD_NAMES.values())
    for body in page.html:
        assert not re.search(r"<(b|script|i)>", body.value)
    assert any(r"From \*\*Madonna\*\*" in caption.value for caption in page.caption)


def test_with_two_galleries_there_is_a_choice(odd, examples):
    folder = layout.folder_of(odd)
    folder.with_name("second").symlink_to(folder)
    page = given(visit(), examples["Madonna"][2])
    assert page.selectbox(key="gallery").options == ["odd", "second"]
    page.selectbox(key="gallery").select("second").run()
    assert names(page)[0] == ODD_NAMES["Madonna"]


def test_the_result_card_is_a_picture_whatever_the_names(madonna):
    opened_gallery = opening.open_gallery(layout.DEMONSTRATION)
    odd_names = [*ODD_NAMES.values(), "山田太郎", "x" * 500, "\n\t", "ﷺ" * 40]
    match = Match(81.4, 0.001, 1, "", 0, "", 0.2, "Five **celebrities**", "none", opened_gallery.crop_path(0), True)
    portrait = photo.read(madonna)
    for name in odd_names:
        for size in card.SHAPES.values():
            data = card.render(portrait, replace(match, name=name), size=size, address="looks.example.org")
            picture = Image.open(io.BytesIO(data))
            picture.load()
            assert picture.format == "PNG"
            assert picture.size == size
            assert np.asarray(picture).std() > 20


def test_a_card_of_a_gallery_without_resemblance_shows_the_distance(madonna):
    opened_gallery = opening.open_gallery(layout.DEMONSTRATION)
    match = Match(
        float("nan"), float("nan"), 1, "ann", 0, "Ann", 0.2, "Friends", "none", opened_gallery.crop_path(0), False
    )
    cards = (match, replace(match, distance=0.3))
    assert len({card.render(photo.read(madonna), each, size=(1080, 1350)) for each in cards}) == 2


def test_boxes_carry_a_number_and_stay_within_the_picture(models, examples):
    picture = beside(*(photo.read(paths[1])[:240] for paths in examples.values()))
    faces = models.faces(picture)
    drawn = with_boxes(for_screen(picture), faces, scale=1.0, chosen=2)
    assert drawn.dtype == np.uint8
    first, second = (np.array([int(palette.COLOURS[n][i : i + 2], 16) for i in (1, 3, 5)]) for n in (0, 1))
    assert (drawn == second).all(axis=-1).sum() > (drawn == first).all(axis=-1).sum() > 100


def test_larger_uploads_are_not_spooled_to_disk(page):
    assert MultiPartParser.spool_max_size > PhotoLimits().bytes_max


def test_the_uploaders_limit_is_the_limit_of_photos():
    config = (ROUTER.parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert f"maxUploadSize = {PhotoLimits().bytes_max // 1_000_000}" in config


def test_a_run_of_the_page_keeps_the_session_of_keras(page):
    from keras.src.backend.common import global_state

    before = global_state.GLOBAL_STATE_TRACKER
    page.run()
    assert global_state.GLOBAL_STATE_TRACKER is before
