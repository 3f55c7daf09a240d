"""Which photos may be reused, and whose they are."""

from __future__ import annotations

import pytest

from pipeline.sources.wikidata.licences import UNKNOWN_AUTHOR, credit_of

PAGE = "https://commons.wikimedia.org/wiki/File:A.jpg"


def entries(**values: object) -> dict[str, dict[str, object]]:
    return {name: {"value": value, "source": "commons-desc-page"} for name, value in values.items()}


@pytest.mark.parametrize(
    ("licence", "code"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("CC BY 2.0", "cc-by-2.0"),
        ("CC0", "cc0"),
        ("Public domain", "pd"),
        ("GFDL", "gfdl"),
        ("FAL", ""),
        ("KOGL Type 1", ""),
        ("OGL 3", ""),
        ("Attribution", ""),
        ("No restrictions", ""),
    ],
)
def test_free_licences_are_taken(licence, code):
    found = credit_of(entries(LicenseShortName=licence, License=code), PAGE)
    assert found is not None
    assert (found.licence, found.author, found.page) == (licence, UNKNOWN_AUTHOR, PAGE)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        entries(LicenseShortName="CC BY-NC-SA 2.0", License="cc-by-nc-sa-2.0"),
        entries(LicenseShortName="CC BY-ND 2.0"),
        entries(LicenseShortName="CC BY 2.0", NonFree="true"),
        entries(LicenseShortName="Fair use"),
        entries(LicenseShortName="All rights reserved"),
        entries(LicenseShortName="CC BY 2.0", UsageTerms="Creative Commons Attribution-NonCommercial 2.0"),
        entries(LicenseShortName="See below"),
        {"LicenseShortName": "CC BY 2.0"},
    ],
)
def test_what_forbids_reuse_or_does_not_say_is_left_out(metadata):
    assert credit_of(metadata, PAGE) is None


@pytest.mark.parametrize(
    ("artist", "author"),
    [
        ('<a href="//commons.wikimedia.org/wiki/User:Ann" title="User:Ann">Ann &amp; Bob</a>', "Ann & Bob"),
        ('<span style="display: none;">hidden <b>too</b></span>山田 太郎', "山田 太郎"),
        ("<div>\n  Ann<br>Lee\n</div><style>a { b }</style>", "Ann Lee"),
        ("محمد \u202e(evil)", "محمد (evil)"),
        ("", UNKNOWN_AUTHOR),
        ("<p></p>", UNKNOWN_AUTHOR),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_the_author_is_plain_text(artist, author):
    found = credit_of(entries(LicenseShortName="CC BY 2.0", Artist=artist), PAGE)
    assert found is not None
    assert found.author == author


def test_the_wished_attribution_comes_first_and_only_web_addresses_are_links():
    metadata = entries(LicenseShortName="CC BY 2.0", Artist="Ann", Attribution="Ann Lee / Agency")
    found = credit_of(metadata | entries(LicenseUrl="https://creativecommons.org/licenses/by/2.0"), PAGE)
    assert found is not None
    assert (found.author, found.licence_url) == ("Ann Lee / Agency", "https://creativecommons.org/licenses/by/2.0")
    other = credit_of(metadata | entries(LicenseUrl="javascript:alert(1)"), PAGE)
    assert other is not None
    assert other.licence_url == ""
