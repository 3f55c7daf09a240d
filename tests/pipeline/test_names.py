"""The one rule for names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import names

FAMILY, SCOTLAND = "👨‍👩‍👧", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ann \t Lee\n", "Ann Lee"),
        ("Ann\u00a0Lee\u3000", "Ann Lee"),
        ("Jose\u0301", "Jos\u00e9"),
        ("Jose\u200b\u0301", "Jos\u00e9"),
        ("\u202eevil\u202c gnp", "evil gnp"),
        ("\x1b[31mRed\x1b[0m", "Red"),
        ("A\x00nn\x07", "Ann"),
        ("\ufeffAnn\u00ad\u2060", "Ann"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_a_name_is_composed_and_has_neither_controls_nor_invisible_characters(text, name):
    assert names.clean(text) == name


@pytest.mark.parametrize(
    "name", [FAMILY, SCOTLAND, "❤️‍🔥", "שלום", "محمد علی", "می‌خواهم", "क्‍ष", "O'Neil, Jr.", "Ann_Lee", "A\\B"]
)
def test_emoji_and_all_scripts_stay_as_they_are(name):
    assert names.clean(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "text", ["", "  ", "___", "\u200b", "\u3164\u2800", "\u0301", "\x1b\x07", "\u200d", "_\u202e_"]
)
def test_what_cannot_be_seen_is_no_name(text):
    assert names.person(text) == ""


@given(st.text())
def test_a_clean_name_stays_clean(text):
    name = names.clean(text)
    assert names.clean(name) == name == unicodedata.normalize("NFC", name)
    assert names.key(name) == names.key(text) == names.key(names.key(text))
    assert names.person(names.person(text)) == names.person(text)
    name.encode()


@pytest.mark.parametrize("one", ["Ann Lee", "ann lee", "Ann_Lee", "Ann  Lee", "ANN\u200b LEE", "Ann\u200d Lee"])
def test_spellings_of_one_person_are_the_same(one):
    assert names.person_key(one) == names.person_key("Ann Lee")


@pytest.mark.parametrize(
    ("one", "other"), [("STRASSE", "Straße"), ("José", "JOSE\u0301"), ("❤", "❤️"), ("ΣΑΣ", "σας")]
)
def test_case_and_composition_do_not_tell_names_apart(one, other):
    assert names.key(one) == names.key(other)


@pytest.mark.parametrize(("one", "other"), [("José", "Jose"), ("Ann Lee", "Annlee"), ("my_family", "my family")])
def test_accents_and_spaces_tell_names_apart(one, other):
    assert names.key(one) != names.key(other)


@pytest.mark.parametrize(
    "name", ["my-family", "Émilie 2.0", "家族", "x" * 100, "家" * 80, "Jose\u0301", "परिवार", " a  b "]
)
def test_letters_digits_and_little_else_name_galleries_and_runs(name):
    assert names.problem(name, plain=True) == names.problem(name) == ""


@pytest.mark.parametrize("name", ["<b>Ann", "😀" + FAMILY, "Ann; rm -rf", "-x", "O'Neil, Jr.", "=HYPERLINK(1)"])
def test_people_may_have_other_names(name):
    assert names.problem(name) == ""
    assert names.problem(name, "gallery name", plain=True).endswith(
        "not a valid gallery name. Use letters, digits, spaces, dots and hyphens, as in my-family."
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "The name is empty. Use letters or digits."),
        ("\u200b", "The name is empty. Use letters or digits."),
        ("x" * 101, f"The name '{'x' * 40}…' is too long. Use a shorter one."),
        ("家" * 90, f"The name '{'家' * 40}…' is too long. Use a shorter one."),
        ("../up", "'../up' is not a valid name. Leave out slashes and backslashes, and don't start with a dot."),
        ("a\\b", "'a\\b' is not a valid name. Leave out slashes and backslashes, and don't start with a dot."),
    ],
)
def test_what_cannot_be_a_name_is_explained(name, sentence):
    assert names.problem(name) == sentence


@given(st.text(max_size=120), st.booleans())
def test_a_valid_name_is_one_folder(text, plain):
    if not names.problem(text, plain=plain):
        assert names.is_folder_name(names.clean(text))


def test_a_folder_is_found_under_any_spelling(tmp_path):
    assert names.folder_in(tmp_path / "none", " New\u200b ") == tmp_path / "none" / "New"
    for name in ("Jose\u0301", "Family", "a  b", "mine", "MINE"):
        (tmp_path / name).mkdir()
    assert names.folder_in(tmp_path, "JOSÉ") == tmp_path / "Jose\u0301"
    assert names.folder_in(tmp_path, "family") == tmp_path / "Family"
    assert names.folder_in(tmp_path, "a  b") == names.folder_in(tmp_path, "a b") == tmp_path / "a  b"
    assert [names.folder_in(tmp_path, name).name for name in ("mine", "MINE", "Mine")] == ["mine", "MINE", "MINE"]
    assert names.folder_in(tmp_path, "x\u200b" * 100) == tmp_path / ("x" * 100)


@pytest.mark.parametrize(
    "name",
    [
        "IMG",
        "DSC",
        "PXL 20240501",
        "WhatsApp Image 2024-05-01 at 10.11.12",
        "Screenshot 2024",
        "photo",
        "007",
        "P1010001",
    ],
)
def test_names_of_cameras_are_recognised(name):
    assert names.is_camera_name(name)


@pytest.mark.parametrize(
    "name", ["Ann Lee", "Imogen", "Scanlon", "Dsclan", "Ida", "Photini", "Abe", "P Diddy", "Vid Novak", "José"]
)
def test_names_of_people_are_not_taken_for_cameras(name):
    assert not names.is_camera_name(name)
