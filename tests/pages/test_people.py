"""The page of people through Streamlit's own test runner: real networks and photos, no browser."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.synthetic import synthetic
from pages.shared import loading, map_refit
from pipeline import photo
from pipeline.gallery import layout, managing, opening, removing, writing
from pipeline.lookalikes import Lookalikes, Models
from pipeline.photo import INCOMPLETE
from tests.conftest import HOME, beside, cut_off, encoded, enlarged, put
from tests.pages.visitor import go_to, portraits, unescaped, visit

_LOAD = Models.load
BLANK = np.full((200, 200, 3), 127, np.uint8)


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


@pytest.fixture(autouse=True)
def fits(monkeypatch):
    """The galleries whose maps were to be fitted anew. The browser tests fit them."""
    begun: list[str] = []
    monkeypatch.setattr(map_refit, "begin", begun.append)
    return begun


@pytest.fixture
def stranger():
    """A photo of a politician, who is not in the gallery "small"."""
    return HOME / "photos" / "brazilian-politicians" / "Acir Gurgacz.jpg"


def people(**query: str) -> AppTest:
    """The page, opened by a visitor."""
    return sound(visit("people", **query))


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def dropped(page: AppTest, *files: Any, names: tuple[str, ...] = ()) -> AppTest:
    """The page with these photos in its uploader."""
    names = names or tuple(path.name for path in files)
    contents = [one.read_bytes() if isinstance(one, Path) else encoded(one) for one in files]
    uploads = [(name, data, "image/jpeg") for name, data in zip(names, contents, strict=True)]
    return sound(page.file_uploader[0].set_value(uploads).run())


def button(page: AppTest, label: str) -> Any:
    (found,) = [each for each in page.button if unescaped(each.label) == label]
    return found


def press(page: AppTest, label: str) -> AppTest:
    return sound(button(page, label).click().run())


def wall(page: AppTest) -> list[str]:
    """The people on the wall."""
    return [unescaped(each.label) for each in page.button if str(each.key).startswith("show ")]


def captions(page: AppTest) -> str:
    return unescaped("\n".join(caption.value for caption in page.caption))


def badges(page: AppTest) -> list[str]:
    """What is said of each photo that waits."""
    words = ("Good", "No face", "Duplicate", "Face too", "Cannot be", "Face cut")
    found = [unescaped(text.value) for text in page.markdown if "-badge[" in text.value]
    return [next(word for word in words if word in text) for text in found]


def test_the_demonstration_shows_everybody_in_pages_and_offers_a_gallery_of_ones_own():
    page = people()
    assert "demonstration · 1,061 photos of 983 people" in captions(page)
    assert wall(page)[:2] == ["Ben Affleck", "Elton John"]
    assert len(wall(page)) == portraits(page) == 48
    assert not page.file_uploader
    assert [unescaped(each.label) for each in page.button if "show " not in str(each.key)] == (["New gallery"])


def test_another_page_shows_others():
    page = people()
    first = wall(page)
    page.session_state["page of 21 of  in demonstration"] = 21
    page.run()
    assert len(wall(page)) == 983 - 20 * 48
    assert not set(wall(page)) & set(first)
    page.text_input(key="search in demonstration").set_value("ma").run()
    assert len(wall(page)) == 48


def test_a_search_ignores_accents_and_capitals_and_says_when_nobody_is_called_so():
    page = people()
    page.text_input(key="search in demonstration").set_value("JOAO maia").run()
    assert wall(page) == ["João Maia"]
    page.text_input(key="search in demonstration").set_value("<b>xyzzy</b>").run()
    assert wall(page) == []
    assert unescaped(page.info[0].value) == "Nobody is called <b>xyzzy</b>."


def test_a_person_of_the_demonstration_can_be_looked_at_but_not_removed():
    page = press(people(), "Madonna")
    assert (portraits(page), len(page.image)) == (48, 18)
    assert not [each for each in page.button if "Remove" in each.label]
    press(page, "Show on the map")
    assert page.query_params["face"] == str(
        opening.open_gallery("demonstration").faces["name"].to_pylist().index("Madonna")
    )
    assert any("<bdi>Madonna</bdi>" in body.value for body in page.html)


def test_photos_are_screened_named_added_and_found_without_a_restart(small, models, stranger):
    finder = visit()
    finder.file_uploader[0].upload("photo.jpg", stranger.read_bytes(), "image/jpeg").run()
    page = dropped(people(), stranger, BLANK, names=("Acir_Gurgacz_2.jpg", "blank.png"))
    assert badges(page) == ["Good", "No face"]
    page.segmented_control[0].select("one").run()
    assert page.text_input(key="name of all").value == "Acir Gurgacz"
    press(page, "Add 1 photo")
    assert unescaped(page.success[0].value) == "Added Acir Gurgacz: 1 photo. The finder knows them now."
    assert not page.file_uploader[0].value
    assert wall(page)[0] == "Acir Gurgacz"
    finder.run()
    assert "<bdi>Acir Gurgacz</bdi>" in "".join(body.value for body in finder.html)
    assert Lookalikes.open("small", models=models).find(photo.read(stranger), top=1).matches[0].copy


def test_each_photo_can_have_a_person_of_its_own(small, examples, stranger):
    files = (examples["Madonna"][4], stranger, stranger)
    page = dropped(people(), *files, names=("Ann Lee.jpg", "Bob (2).jpg", "IMG_1234.jpg"))
    assert page.segmented_control[0].value == "several"
    inputs = [each for each in page.text_input if str(each.key).startswith("name of ")]
    assert [each.value for each in inputs] == ["Ann Lee", "Bob", ""]
    assert "1 photo without a name" in captions(page)
    inputs[2].set_value("bob").run()
    assert badges(page) == ["Good", "Good", "Duplicate"]
    press(page, "Add 2 photos")
    assert opening.open_gallery("small").people_count == 7


def test_the_name_written_last_counts_where_the_click_ends_its_writing(small, stranger):
    page = dropped(people(gallery="small"), stranger, names=("Ann.jpg",))
    page.text_input(key="name of all").set_value("Bea")
    press(page, "Add 1 photo")
    assert "Bea" in wall(page)
    assert "Ann" not in wall(page)


def test_a_photo_that_cannot_be_used_suggests_no_name(small, stranger):
    page = dropped(people(gallery="small"), BLANK, stranger, names=("Nobody.png", "Ann.jpg"))
    assert page.text_input(key="name of all").value == "Ann"


def test_without_a_name_or_a_good_photo_nothing_can_be_added(small, stranger):
    page = dropped(people(), stranger, names=("IMG_1.jpg",))
    assert button(page, "Add").disabled
    page = dropped(people(), BLANK, BLANK[:20], names=("Ann.png", "Bob.png"))
    assert button(page, "Add").disabled
    assert "None of these photos can be used" in captions(page)
    press(page, "Cancel")
    assert len(wall(page)) == 5


def test_a_photo_of_which_part_is_missing_is_marked(small, stranger, tmp_path):
    put(tmp_path, {"whole.jpg": stranger, "cut.jpg": cut_off(stranger)})
    page = dropped(people(), tmp_path / "whole.jpg", tmp_path / "cut.jpg")
    assert badges(page) == ["Good", "Good"]
    assert captions(page).count(INCOMPLETE) == 1


def test_of_several_faces_the_page_says_which_one_counts(small, examples):
    picture = beside(*(enlarged(photo.read(examples[name][0]), 1) for name in ("Madonna", "Elton John")))
    page = dropped(people(), picture, names=("Ann.png",))
    assert page.segmented_control[0].options == ["1", "2"]
    assert page.text_input(key="name of all").value == ""
    (one,) = page.session_state["looked_at"].values()
    sound(page.segmented_control[0].select(2).run())
    (other,) = page.session_state["looked_at"].values()
    assert (one.face, other.face) == (1, 2)
    assert float(one.inspected.embedding @ other.inspected.embedding) < 0.9
    assert badges(page) == ["Good"]
    page.text_input(key="name of all").set_value("Ann").run()
    press(page, "Add 1 photo")
    (kept,) = (small / "photos" / "Ann").iterdir()
    assert kept.read_bytes() == other.data != one.data
    # The finder counts as many faces in the same photo.
    finder = visit(gallery="small")
    finder.file_uploader[0].upload("photo.png", encoded(picture), "image/png").run()
    (which,) = [each for each in sound(finder).segmented_control if str(each.key).startswith("face ")]
    assert which.options == ["1", "2"]


def test_a_name_that_cannot_be_kept_is_one_sentence(small, stranger):
    page = dropped(people(), stranger, names=("IMG_1.jpg",))
    page.text_input(key="name of all").set_value("../../Ann").run()
    press(page, "Add 1 photo")
    assert "'../../Ann' is not a valid name. Leave out slashes" in unescaped(page.error[0].value)
    assert len(opening.open_gallery("small")) == 15


def test_spellings_of_a_name_are_one_person(small, examples, stranger):
    page = dropped(
        people(), stranger, examples["Madonna"][4], BLANK, names=("Jose\u0301_1.jpg", "JOSÉ 2.jpg", "x.png")
    )
    assert page.text_input(key="name of all").value == "Jos\u00e9"
    page.text_input(key="name of all").set_value("__\u200b").run()
    assert button(page, "Add").disabled
    page.text_input(key="name of all").set_value("mado\u200bnna").run()
    press(page, "Add 2 photos")
    assert opening.open_gallery("small").people_count == 5


def test_without_weights_the_page_shows_the_people_and_offers_to_set_up(small, stranger, monkeypatch):
    monkeypatch.setattr(Models, "load", _LOAD)
    (small.parent.parent / "models").unlink()
    loading.forget()
    try:
        page = people()
        assert len(wall(page)) == 5
        page = dropped(page, stranger, names=("Ann.jpg",))
        assert "Set up now" in [each.label for each in page.button]
    finally:
        loading.forget()


def test_a_photo_and_then_the_person_are_removed_after_a_question(small):
    page = press(people(), "Madonna")
    first = next(each for each in page.button if str(each.key).startswith("remove "))
    sound(first.click().run())
    assert any("Remove this photo of Madonna from small?" in unescaped(text.value) for text in page.markdown)
    press(page, "Keep")
    assert len(opening.open_gallery("small")) == 15
    sound(next(each for each in page.button if str(each.key).startswith("remove ")).click().run())
    press(page, "Yes, remove")
    assert unescaped(page.success[0].value) == "Removed 1 photo of Madonna."
    assert len(opening.open_gallery("small")) == 14
    press(page, "Madonna")
    press(page, "Remove Madonna")
    press(page, "Yes, remove")
    assert "Madonna" not in wall(page)
    assert opening.open_gallery("small").people_count == 4


def test_a_removal_can_be_undone_until_it_is_deleted_for_good(small, stranger, fits):
    page = press(people(), "Madonna")
    press(page, "Remove Madonna")
    assert any("You can undo this until you leave" in unescaped(text.value) for text in page.markdown)
    press(page, "Yes, remove")
    assert "Madonna" not in wall(page)
    press(page, "Undo removing Madonna")
    assert unescaped(page.success[0].value) == "Restored 3 photos of Madonna."
    assert "Madonna" in wall(page)
    assert len(opening.open_gallery("small")) == 15
    assert fits == ["small"] * 2
    assert not [each for each in page.button if "Undo" in each.label]
    press(page, "Madonna")
    press(page, "Remove Madonna")
    press(page, "Yes, remove")
    press(page, "Delete for good now")
    assert not [each for each in page.button if "Undo" in each.label]
    assert page.session_state["removals"] == []
    assert len(opening.open_gallery("small")) == 12


def test_another_session_cannot_undo(small):
    page = press(people(), "Madonna")
    press(page, "Remove Madonna")
    press(page, "Yes, remove")
    assert not [each for each in people().button if "Undo" in each.label]


def test_a_person_is_renamed_and_merged_with_another_one(small, fits):
    page = press(press(people(), "Madonna"), "Rename or merge")
    name = page.text_input(key="new name of Examples/Madonna")
    assert name.value == "Madonna"
    name.set_value("Louise").run()
    press(page, "Save")
    assert unescaped(page.success[0].value) == "Madonna is called Louise now."
    assert "Louise" in wall(page)
    press(press(page, "Louise"), "Rename or merge")
    page.text_input(key="new name of Examples/Madonna").set_value("elton john").run()
    press(page, "Merge with elton john")
    assert unescaped(page.success[0].value) == "Louise and elton john are one person now."
    assert len(wall(page)) == 4
    assert fits == ["small"] * 2


def test_a_name_that_somebody_has_is_not_taken_by_a_click_that_ends_its_typing(small):
    page = press(press(people(), "Madonna"), "Rename or merge")
    page.text_input(key="new name of Examples/Madonna").set_value("Elton John")
    press(page, "Save")
    assert "There is Elton John in the gallery already" in unescaped(page.error[0].value)
    assert opening.open_gallery("small").people_count == 5


def test_a_photo_is_moved_to_another_person(small, fits):
    page = press(people(), "Madonna")
    move = next(each for each in page.button if str(each.key).startswith("move "))
    sha256 = str(move.key).removeprefix("move ")
    sound(move.click().run())
    press(page, "Move photo")
    assert "The name is empty" in unescaped(page.error[0].value)
    page.text_input(key=f"new person of {sha256}").set_value("Cher")
    press(page, "Move photo")
    assert unescaped(page.success[0].value) == "The photo is Cher's now."
    assert "Cher" in wall(page)
    assert fits == ["small"]


def test_people_are_filtered_by_source_and_number_of_photos():
    page = people()
    page.selectbox(key="photos in demonstration").select("Two or more").run()
    assert wall(page) == ["Ben Affleck", "Elton John", "Jerry Seinfeld", "Madonna", "Mindy Kaling"]
    page.selectbox(key="source in demonstration").select("Brazilian politicians").run()
    assert wall(page) == []
    assert "Nobody fits" in page.info[0].value
    page.selectbox(key="photos in demonstration").select("One photo").run()
    assert len(wall(page)) == 48
    assert "Madonna" not in wall(page)


def test_a_list_of_rejected_photos_that_a_spreadsheet_mangled_stops_nothing(small):
    (small / "rejected.csv").write_bytes("person;name\nZoë;1".encode("cp1252"))
    page = press(people(), "Madonna")
    press(page, "Remove Madonna")
    press(page, "Yes, remove")
    assert not page.exception
    told = [unescaped(toast.value) for toast in page.toast]
    assert told[0].startswith("rejected.csv cannot be read")
    # Nobody can tell whether it names Madonna.
    assert told[1].startswith("rejected-unreadable-1.csv was deleted")
    assert not (small / "rejected-unreadable-1.csv").exists()


def test_somebody_whom_another_session_has_removed_is_gone_without_a_word(small):
    page = press(people(), "Madonna")
    press(page, "Remove Madonna")
    removing.remove_person("small", "Examples/Madonna")
    press(page, "Yes, remove")
    assert "Madonna" not in wall(page)


def test_the_last_person_leaves_an_empty_gallery_that_all_pages_show_as_such(small, stranger):
    for person in {row["person"] for row in opening.open_gallery("small").faces.to_pylist()}:
        removing.remove_person("small", person)
    page = people()
    assert "0 photos of 0 people" in captions(page)
    assert "Nobody is in this gallery yet" in page.info[0].value
    for other in ("finder", "explorer"):
        assert "Nobody is in this gallery yet" in sound(go_to(page, other)).subheader[0].value
    press(dropped(sound(go_to(page, "people")), stranger, names=("Ann.jpg",)), "Add 1 photo")
    assert wall(page) == ["Ann"]


def test_a_gallery_is_made_as_a_copy_or_empty_and_chosen_and_deleted(small):
    page = press(people(), "New gallery")
    page.text_input(key="new name").set_value("mi").run()
    page.text_input(key="new name").set_value("mine")  # The click on the button ends the typing.
    press(page, "Create")
    assert "The gallery mine is ready" in unescaped(page.success[0].value)
    assert "mine · 15 photos of 5 people" in captions(page)
    assert page.selectbox(key="gallery").value == "mine"
    press(page, "New gallery")
    page.text_input(key="new name").set_value("other").run()
    page.radio(key="new way").set_value("empty")
    press(page, "Create")
    assert "other · 0 photos of 0 people" in captions(page)
    press(page, "Delete gallery")
    press(page, "Delete for good")
    assert layout.names() == ["mine", "small"]
    assert "mine · 15 photos" in captions(page)


def test_the_first_gallery_of_ones_own_is_in_the_address_too(small):
    page = press(people(), "New gallery")
    assert "gallery" not in [box.key for box in page.selectbox]
    page.text_input(key="new name").set_value("the family").run()
    press(page, "Create")
    assert page.selectbox(key="gallery").value == page.query_params["gallery"] == "the family"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Small ", "There is a gallery small already"),
        ("a/b", "'a/b' is not a valid gallery name. Use letters"),
        ("家" * 90, "is too long. Use a shorter one."),
    ],
)
def test_a_name_that_no_gallery_can_have_is_one_sentence(small, name, reason):
    page = press(people(), "New gallery")
    page.text_input(key="new name").set_value(name).run()
    press(page, "Create")
    assert reason in unescaped(page.error[0].value)
    assert layout.names() == ["small"]


def test_the_name_of_a_gallery_is_kept_without_what_cannot_be_seen(small):
    page = press(people(), "New gallery")
    page.text_input(key="new name").set_value("\u200b").run()
    assert button(page, "Create").disabled
    page.text_input(key="new name").set_value(" Jose\u0301\u200b ").run()
    press(page, "Create")
    assert "The gallery Jos\u00e9 is ready" in unescaped(page.success[0].value)
    assert page.query_params["gallery"] == "Jos\u00e9"


def test_a_folder_that_cannot_be_written_is_one_sentence(small, stranger, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    page = dropped(people(), stranger, names=("Ann.jpg",))
    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_rejected", full)
        press(page, "Add 1 photo")
    assert "cannot be saved: the disk is full or read-only" in unescaped(page.error[0].value)
    assert len(opening.open_gallery("small")) == 15
    press(page, "Add 1 photo")
    assert len(opening.open_gallery("small")) == 16


def test_while_a_build_runs_the_page_says_so(small, stranger, monkeypatch):
    monkeypatch.setattr(layout, "EDIT_WAIT_SECONDS", 0.1)
    page = dropped(people(), stranger, names=("Ann.jpg",))
    with writing.locked("small"):
        press(page, "Add 1 photo")
    assert "being built by another process" in unescaped(page.error[0].value)
    press(page, "Add 1 photo")
    assert "Ann" in wall(page)


def test_a_search_and_its_pages_stay_with_the_gallery_and_the_words_they_are_of(empty_home):
    for name in ("one", "two"):
        synthetic(name, faces=2000)
    page = people(gallery="one")
    first = wall(page)
    page.session_state["page of 5 of  in one"] = 2
    page.run()
    second = wall(page)
    assert not set(first) & set(second)
    page.text_input[0].set_value(first[0]).run()
    assert wall(page) == [first[0]]
    sound(page.selectbox(key="gallery").select("two").run())
    assert page.text_input[0].value == ""
    assert wall(page) == first


def test_a_dialog_is_closed_when_its_gallery_is_gone(empty_home):
    for name in ("one", "two"):
        synthetic(name, faces=20)
    page = press(people(gallery="one"), "Delete gallery")
    assert button(page, "Delete for good")
    managing.delete_gallery("one")
    sound(page.run())
    assert "The gallery one was deleted" in page.markdown[-1].value
    assert "Delete for good" not in [each.label for each in page.button]
    assert layout.names() == ["two"]


def test_photos_that_wait_are_not_added_to_another_gallery(small, stranger):
    managing.create_gallery("empty")
    page = dropped(people(gallery="small"), stranger, names=("Ann.jpg",))
    assert badges(page) == ["Good"]
    sound(page.selectbox(key="gallery").select("empty").run())
    assert not page.file_uploader[0].value
    assert badges(page) == []
    assert "looked_at" not in page.session_state


def test_a_message_moves_nothing_on_the_page(small):
    """What moves is drawn twice by the browser while the page runs: at its old place, too."""
    page = people()
    before = [type(part) for part in page.main.children.values()]
    press(page, "New gallery")
    page.text_input(key="new name").set_value("mine").run()
    press(page, "Create")
    assert page.success
    assert [type(part) for part in page.main.children.values()][: len(before)] == before


@pytest.mark.parametrize("where", ["finder", "explorer", "people"])
def test_every_page_follows_the_gallery_in_the_address(empty_home, where):
    for count, name in ((20, "few"), (40, "more")):
        synthetic(name, faces=count)
    page = sound(visit(where, gallery="more"))
    assert page.selectbox(key="gallery").value == "more"
    assert page.query_params["gallery"] == "more"


def test_a_gallery_that_is_not_there_is_told_of_and_another_one_unescaped(empty_home):
    for count, name in ((20, "few"), (40, "more")):
        synthetic(name, faces=count)
    page = people(gallery="gone")
    assert page.selectbox(key="gallery").value == "few"
    page = people(gallery="more")
    assert "more · 40 photos of 4 people" in captions(page)
    managing.delete_gallery("more")
    sound(page.run())
    assert "The gallery more was deleted, or is being built anew" in unescaped(page.markdown[-1].value)
    assert "few · 20 photos of 2 people" not in captions(page)
    sound(press(page, "Go on with few"))
    assert "few · 20 photos of 2 people" in captions(page)
    synthetic("third", faces=30)
    page = people(gallery="third")
    synthetic("another", faces=30)
    assert sound(page.run()).selectbox(key="gallery").value == "third"


def test_a_damaged_gallery_can_be_left_by_the_switch(empty_home):
    for count, name in ((20, "few"), (40, "more")):
        synthetic(name, faces=count)
    (layout.folder_of("more") / "embeddings-1.npy").unlink()
    page = people(gallery="more")
    assert "more is damaged" in page.markdown[0].value
    page.selectbox(key="gallery").select("few").run()
    assert "few · 20 photos" in captions(page)


def test_without_a_gallery_the_page_offers_to_set_up(empty_home):
    page = people()
    assert "Set up now" in [each.label for each in page.button]


def doubts(page: AppTest) -> list[str]:
    """What is said of the photos to review."""
    return [
        unescaped(text.value.replace("*", ""))
        for text in page.markdown
        if any(part in text.value for part in ("but nearer to", "The same photo", "Unlike", "A poor photo"))
    ]


def review(page: AppTest) -> AppTest:
    """The page with the list of photos to review."""
    page.session_state["review"] = True
    return sound(page.run())


def test_a_photo_under_a_wrong_name_is_listed_moved_and_another_one_kept(small, examples):
    # Elton John stands among photos of Madonna.
    page = dropped(people(gallery="small"), examples["Elton John"][3], names=("Madonna.jpg",))
    press(page, "Add 1 photo")
    page = review(people(gallery="small"))
    (text,) = [text for text in doubts(page) if text.startswith("Under Madonna, but nearer to Elton John")]
    first = [each for each in page.button if str(each.key).startswith("doubt move ")][doubts(page).index(text)]
    sound(first.click().run())
    sound(page.text_input[-1].set_value("Elton John").run())
    press(page, "Move photo")
    page = review(people(gallery="small"))
    assert not any("Under Madonna" in text for text in doubts(page))
    left = doubts(page)
    if left:
        sound(next(each for each in page.button if str(each.key).startswith("keep ")).click().run())
        assert len(doubts(review(people(gallery="small")))) == len(left) - 1


def test_the_demonstration_which_cannot_be_changed_has_no_list_to_review():
    assert "Photos to review" not in [fold.label for fold in people().expander]


def test_what_is_left_on_the_screen_of_somebody_who_has_signed_out_removes_nobody(small, monkeypatch):
    page = people(gallery="small")
    before = opening.open_gallery("small").people_count
    next(each for each in page.button if str(each.key).startswith("show ")).click().run()
    page.button(key="danger all").click().run()
    page.button(key="danger").click()
    monkeypatch.setenv("LOOKSLIKEWHO_PUBLIC", "small")
    page.run()
    assert opening.open_gallery("small").people_count == before
    monkeypatch.delenv("LOOKSLIKEWHO_PUBLIC")
    page = people(gallery="small")
    next(each for each in page.button if str(each.key).startswith("show ")).click().run()
    page.button(key="danger all").click().run()
    page.button(key="danger").click().run()
    assert opening.open_gallery("small").people_count == before - 1
