"""The explorer page through Streamlit's own test runner: what it says of each selection, and its odd states."""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from benchmarks.synthetic import synthetic
from pages.shared import map_refit, scatter
from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.gallery import opening, removing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.layout import DEMONSTRATION
from pipeline.lookalikes import Models
from pipeline.map import fitting, queries, sample
from pipeline.map.files import map_path, open_map, save_code_layouts, save_map
from pipeline.map.layouts import PCA, UMAP, Families
from pipeline.similarity import files
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.network import SimilarityNetwork
from tests.conftest import default_dimensions, unit_rows
from tests.pages.visitor import go_to, portraits, unescaped, visit

OF_DEFAULT = {"embedding": default_identity()}


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


@pytest.fixture(scope="module")
def demonstration():
    return opening.open_gallery(DEMONSTRATION)


def popover(page: AppTest, label: str) -> Block:
    """What opens under a button."""
    found = (block for block in page.get("popover") if isinstance(block, Block))
    return next(block for block in found if block.proto.popover.label == label)


def explorer(**selection: object) -> AppTest:
    """The explorer, opened with what the address says is selected."""
    return visit("explorer", **selection)


def signs(page: AppTest) -> list[str]:
    """What the page says of how far to trust the map around a face."""
    return [*(sign.value for sign in page.info), *(sign.value for sign in page.success)]


def made(count: int, name: str = "made") -> Gallery:
    """A gallery of so many faces with its map."""
    synthetic(name, faces=count)
    opened = opening.open_gallery(name)
    save_map(opened, fitting.fit_map(opened))
    return opened


def names(page: AppTest) -> list[str]:
    """The people beside the map, the first first."""
    assert not page.exception
    bodies = [body.value.replace("<wbr>", "") for body in page.html]
    chosen = [html.unescape(found) for body in bodies for found in re.findall("<bdi>(.*?)</bdi>", body)]
    near = [button.label for button in page.button if str(button.key).startswith("go ")]
    return [*chosen, *(unescaped(label) for label in near)]


def captions(page: AppTest) -> str:
    return "\n".join(one.value for one in (*page.caption, *page.markdown))


def test_before_a_choice_the_page_says_how_far_to_trust_the_map():
    page = explorer()
    metrics = {metric.label: metric.value for metric in page.metric}
    assert set(metrics) == {"People kept near", "Trustworthiness", "Silhouette", "Purity"}
    assert float(metrics["Trustworthiness"]) > 0.8
    assert re.search(r"About \d of the ten people most similar to a face are near it", captions(page))
    assert "never tells who somebody is" in captions(page)


def test_each_cluster_is_shown_by_its_most_typical_face_which_can_be_chosen(demonstration):
    page = explorer()
    clusters = open_map(demonstration).clusters
    typical = queries.typical_rows(demonstration.embeddings, clusters).tolist()
    buttons = [button for button in page.button if str(button.key).startswith("cluster ")]
    assert [button.label for button in buttons] == [f"{count:,} photos" for count in np.bincount(clusters)]
    buttons[0].click().run()
    assert names(page)[0] == demonstration.row(typical[0])["name"]


def families_of(opened: Gallery) -> Families:
    found = open_map(opened).families
    assert found
    return found


def doubles(page: AppTest) -> list[str]:
    """The pairs of doubles that are listed."""
    return [unescaped(button.label) for button in page.button if str(button.key).startswith("double ")]


def test_doubles_are_the_most_similar_pairs_and_a_click_compares_them(demonstration):
    page = explorer()
    pairs = families_of(demonstration).doubles
    names_of = [" and ".join(demonstration.row(row)["name"] for row in pair) for pair in pairs.tolist()]
    assert doubles(page) == names_of[:5]
    page.button(key="more doubles").click().run()
    assert doubles(page) == names_of[:15]
    one, other = pairs[0].tolist()
    page.button(key=f"double {one} {other}").click().run()
    assert names(page)[:2] == names_of[0].split(" and ")
    best = 1 - demonstration.embeddings[one] @ demonstration.embeddings[other]
    assert f"{best / 2:.3f}" in [metric.value for metric in page.metric]


def test_a_family_shows_its_people_and_families_of_the_same_branch(demonstration):
    found = families_of(demonstration)
    page = explorer()
    assert f"{len(found.branches)} families of people" in captions(page)
    page.button(key="family 0").click().run()
    people = np.flatnonzero(found.of_person == 0)
    assert f"#### {len(people)} look-alikes" in captions(page)
    wall = {unescaped(button.label) for button in page.button if str(button.key).startswith("wall ")}
    assert wall == {demonstration.row(int(demonstration.first_rows[person]))["name"] for person in people}
    near = {int(str(button.key).split()[1]) for button in page.button if str(button.key).startswith("family ")}
    assert near
    assert all(found.branches[number] == found.branches[0] for number in near)
    # A face of the wall is shown in the family, which is there again afterwards.
    next(button for button in page.button if str(button.key).startswith("wall ")).click().run()
    assert names(page)[0] in wall
    next(button for button in page.button if button.label == "Close").click().run()
    assert f"#### {len(people)} look-alikes" in captions(page)
    next(button for button in page.button if button.label == "Close").click().run()
    assert "Every point is a face" in captions(page)


def test_a_family_that_is_not_there_is_told_and_forgotten(demonstration):
    page = explorer(family=99999)
    assert [toast.value for toast in page.toast] == ["This map has no family of look-alikes as in this link."]
    assert "Every point is a face" in captions(page)


def test_a_map_of_an_earlier_version_offers_to_be_fitted_again(empty_home):
    opened = made(40)
    save_map(opened, replace(open_map(opened), families=None))
    page = explorer(gallery="made", family=0)
    assert not page.exception
    assert "fitted by an earlier version, without families" in captions(page)
    assert [button.label for button in page.button].count("Fit the map again") == 2


def test_filters_leave_their_faces_and_count_what_the_others_leave(demonstration):
    page = explorer(where="source=Five celebrities")
    assert "#### 83 photos of 5 people" in captions(page)
    assert "Faces: 83" in captions(page)
    # A link with a filter that does not fit says so, and the others hold.
    page = explorer(where=["source=Five celebrities", "quality=good", "nothing"])
    assert [toast.value for toast in page.toast] == ["A filter in this link doesn't fit this map."]
    assert "#### 83 photos of 5 people" in captions(page)
    # An area is of the faces that are left.
    page = explorer(where="source=Five celebrities", area="-1,-1 1,-1 1,0 -1,0")
    inside = (open_map(demonstration).layouts[UMAP].places[:, 1] < 0) & (
        np.array(demonstration.faces["source"].to_pylist()) == "Five celebrities"
    )
    assert f"#### {inside.sum()} photos of" in captions(page)


def test_a_face_of_the_map_is_looked_up_in_the_finder_without_its_own_person(demonstration):
    row = int(demonstration.first_rows[3])
    page = explorer(face=row)
    next(button for button in page.button if button.label == "Find look-alikes").click().run()
    given = page.session_state["given"]
    assert given.data == demonstration.crop_path(row).read_bytes()
    assert given.example == demonstration.row(row)["name"]


def test_all_photos_of_a_person_are_in_a_dialog_and_lead_to_the_map(demonstration):
    rows = np.flatnonzero(demonstration.person_of_row == demonstration.person_of_row[15]).tolist()
    page = explorer(face=rows[0])
    next(button for button in page.button if button.label == f"All {len(rows)} photos").click().run()
    shown = [int(str(button.key).split()[1]) for button in page.button if str(button.key).startswith("photo ")]
    assert shown == rows


def test_a_chosen_face_is_shown_with_its_most_similar_faces(demonstration):
    page = explorer(face=500)
    rows, people = demonstration.embeddings, demonstration.person_of_row
    distances = CosineScorer().distances(rows[500], rows)
    best = {
        person: min(distances[people == person])
        for person in range(demonstration.people_count)
        if person != people[500]
    }
    nearest = sorted(best, key=lambda person: best[person])[:10]
    first_row = [int(np.flatnonzero(people == person)[0]) for person in nearest]
    assert names(page) == [demonstration.row(row)["name"] for row in (500, *first_row)]
    assert f"{best[nearest[0]]:.3f}" in captions(page)
    assert "Licence" in captions(page)


def test_the_sign_and_the_list_speak_of_the_same_people(demonstration):
    layout = open_map(demonstration).layouts[UMAP]
    for share in (0.1, 0.5, 0.9):
        row = int(np.abs(layout.kept - share).argmin())
        page = explorer(face=row)
        (sign,) = signs(page)
        closest = next(text.value for text in page.markdown if text.value.startswith(":small["))
        assert ("sits elsewhere on this map" in sign) == ("far on the map" in closest) == bool(page.info)
        near = round(layout.kept[row] * 10)
        assert f"{near} of the 10 most similar people" in sign
        assert captions(page).count("far on the map") == 10 - near


def test_a_person_of_many_photos_is_not_called_right_by_them(demonstration):
    # Elton John, whose own photos lie together while nobody similar is near.
    page = explorer(face=15)
    assert names(page)[0] == "Elton John"
    (sign,) = signs(page)
    assert re.search(r"[0-3] of the 10 most similar people (is|are) near on the map", sign)


def test_two_people_show_their_most_and_least_alike_photos(demonstration):
    people = demonstration.person_of_row
    one, two = (np.flatnonzero(people == person) for person in (0, 1))
    page = explorer(face=one[0], other=two[0])
    cosines = demonstration.embeddings[one] @ demonstration.embeddings[two].T
    shown = [float(metric.value) for metric in page.metric if metric.label == "Distance, cosine"]
    assert shown == pytest.approx([(1 - cosines.max()) / 2, (1 - cosines.min()) / 2], abs=6e-4)
    assert len(page.image) == 4


def test_two_photos_of_one_person_are_compared_but_none_with_itself(demonstration):
    page = explorer(face=0, other=1)
    distances = [float(metric.value) for metric in page.metric]
    assert min(distances) > 0.001
    single = int(np.flatnonzero(demonstration.person_of_row == demonstration.people_count - 1)[0])
    assert "one photo" in captions(explorer(face=single, other=single))


def test_an_area_lists_who_is_in_it_and_gives_them_as_csv(demonstration):
    places = open_map(demonstration).layouts[UMAP].places
    inside = np.flatnonzero((np.abs(places[:, 0]) < 0.5) & (places[:, 1] < 0.2))
    page = explorer(area="-0.5,0.2 -0.5,-2 0.5,-2 0.5,0.2")
    assert len(page.dataframe[0].value) == len(inside) > 10
    assert any(heading.value.startswith(f"#### {len(inside)} photos of") for heading in page.markdown)
    assert portraits(page) == min(len(inside), 48)


def test_an_area_leaves_out_the_groups_that_the_legend_hides(demonstration):
    everywhere, sources = "-2,-2 2,-2 2,2 -2,2", demonstration.faces["source"].to_pylist()
    for hidden in (["Five celebrities"], ["Brazilian politicians", "Basketball players"]):
        page = explorer(area=everywhere, hidden=hidden)
        assert set(page.dataframe[0].value["source"]) == set(sources) - set(hidden)
        assert len(page.dataframe[0].value) == sum(source not in hidden for source in sources)
    page.selectbox(key="colour").select("Cluster").run()
    assert len(page.dataframe[0].value) == len(sources)
    assert "hidden" not in page.query_params
    assert not page.toast


def test_a_face_of_the_wall_is_chosen_by_its_name(demonstration):
    page = explorer(area="-2,-2 2,-2 2,2 -2,2")
    page.button(key="wall 3").click().run()
    assert names(page)[0] == demonstration.row(3)["name"]
    assert page.query_params["face"] == "3"
    assert page.query_params["area"]


def test_neighbours_are_gone_to_and_compared_and_closed_again(demonstration):
    page = explorer(face=500)
    nearest = next(str(one.key).split()[1] for one in page.button if str(one.key).startswith("compare"))
    page.button(key=f"compare {nearest}").click().run()
    assert page.query_params["other"] == nearest
    assert page.metric[0].label == "Distance, cosine"
    button(page, "Back").click().run()
    page.button(key=f"go {nearest}").click().run()
    assert names(page)[0] == demonstration.row(int(nearest))["name"]
    button(page, "Close").click().run()
    assert names(page) == []
    assert "face" not in page.query_params


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def test_the_probe_of_the_finder_is_placed_and_compared(madonna):
    page = visit()
    page.file_uploader[0].upload("photo.jpg", madonna.read_bytes(), "image/jpeg").run()
    go_to(page, "explorer")
    button(page, "My face").click().run()
    assert page.query_params["face"] == "you"
    assert names(page)[:2] == ["Your photo", "Madonna"]
    next(one for one in page.button if str(one.key).startswith("compare")).click().run()
    assert names(page)[:2] == ["Your photo", "Madonna"]
    assert len(page.image) in (2, 4)


@pytest.mark.parametrize(
    "selection",
    [
        {"face": "you"},
        {"face": "99999999"},
        {"face": "-1"},
        {"face": "x", "other": "3"},
        {"other": "3"},
        {"area": "1,2"},
        {"area": "1,2 3,4 nan,5"},
        {"area": "1,2 3 4,5"},
        {"area": "<b>"},
        {"layout": "none", "colour": "none"},
    ],
)
def test_an_invalid_url_shows_the_map(selection):
    page = explorer(**selection)
    assert names(page) == []
    assert page.metric


def test_an_area_without_anybody_in_it_says_so():
    page = explorer(area="5,5 6,5 6,6")
    assert any(heading.value == "#### 0 photos of 0 people" for heading in page.markdown)


@pytest.mark.parametrize("selection", [{}, {"face": 7}])
def test_each_colour_and_layout_shows_the_map(selection):
    page = explorer(**selection)
    for layout in (PCA, UMAP):
        page.segmented_control(key="layout").select(layout).run()
        for colour in page.selectbox(key="colour").options:
            page.selectbox(key="colour").select(colour).run()
            assert not page.exception
            assert len([part for part in page.get("bidi_component") if str(part.key).startswith("map of ")]) == 7


def test_layouts_of_a_networks_codes_are_offered_and_refused_when_the_network_changes(empty_home, tmp_path):
    opened = made(40)
    for seed in (0, 1):
        kernel = unit_rows(32, seed, default_dimensions()).T
        network = SimilarityNetwork(encoder=((kernel, np.zeros(32, np.float32)),), metric=())
        files.write_network(tmp_path / "run", network, None, OF_DEFAULT)
        if seed:
            page = explorer()
            assert list(page.segmented_control(key="layout").options) == ["UMAP", "PCA"]
            assert "has changed since its codes were mapped" in captions(page)
        save_code_layouts(opened, fitting.fit_code_layouts(opened, network), folder=tmp_path / "run", network=network)
        page = explorer(face=3)
        layouts = ["UMAP", "PCA", "UMAP of codes", "PCA of codes"]
        assert list(page.segmented_control(key="layout").options) == layouts
        page.segmented_control(key="layout").select("PCA of codes").run()
        assert names(page)
        assert page.segmented_control(key="layout").value == "PCA of codes"


def test_without_a_gallery_the_page_offers_to_set_up(empty_home):
    page = explorer()
    assert button(page, "Set up now")
    assert not page.exception


def test_without_a_map_and_with_a_stale_or_damaged_one_the_page_offers_to_fit_it(empty_home):
    opened = made(30)
    path = map_path(opened)
    whole = path.read_bytes()
    assert explorer().metric
    path.write_bytes(whole[:1000])
    assert button(explorer(), "Fit the map")
    path.unlink()
    assert button(explorer(), "Fit the map")
    path.write_bytes(whole)
    storage.write_manifest(opened.folder, {**opened.manifest, "generation": 2})
    page = explorer()
    assert button(page, "Fit the map")
    assert "is out of date" in page.markdown[0].value


@pytest.mark.parametrize("count", [1, 2, 3, 5, 31])
def test_galleries_of_few_faces_or_of_one_person_have_a_map(empty_home, count):
    made(count)
    page = explorer(area="-2,-2 2,-2 2,2 -2,2")
    assert portraits(page) == count
    page.button(key="wall 0").click().run()
    assert len(names(page)) == (count + 9) // 10
    page.query_params["other"] = str(count - 1)
    assert not page.run().exception
    button(page, "Close").click().run()
    assert page.dataframe


def test_all_pages_follow_the_gallery_that_was_chosen_and_let_go_of_the_face(empty_home):
    made(20, "few")
    made(40, "more")
    page = explorer(face=3)
    assert "20 photos of 2 people" in captions(page)
    page.selectbox(key="gallery").select("more").run()
    assert "40 photos of 4 people" in captions(page)
    assert names(page) == []
    go_to(page, "finder")
    assert page.selectbox(key="gallery").value == "more"


def test_categories_beyond_the_colours_become_others():
    numbers = np.repeat(np.arange(10), np.arange(1, 11))
    colouring = scatter.by_category(numbers, [f"n{number}" for number in range(10)])
    assert colouring.categories == [*((f"n{n}", n + 1) for n in range(9, 2, -1)), ("Others", 6)]
    assert np.bincount(colouring.values).tolist() == [10, 9, 8, 7, 6, 5, 4, 6]


def test_places_are_packed_finely_enough_for_a_pixel():
    places = np.random.default_rng(0).uniform(-1, 1, (500, 2)).astype(np.float32)
    points = scatter.Points.packed({"one": places}, np.arange(500), ["a\nb"] * 500)
    packed = np.frombuffer(zlib.decompress(points.places["one"][1:]), "<u2").reshape(-1, 2)
    assert np.abs(packed / 32767.5 - 1 - places).max() < 2e-5
    assert zlib.decompress(points.names[1:]).decode().split("\n") == ["a b"] * 500


def test_a_view_is_saved_shown_again_and_deleted(empty_home):
    made(40)
    page = explorer(gallery="made", face=7, where="photos a person=10")
    page.segmented_control(key="layout").select(PCA).run()
    page.text_input(key="view name").set_value("Sev").run()
    # The click on the button ends the typing.
    page.text_input(key="view name").set_value("Seven")
    page.text_area(key="view note").set_value("One of ten")
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception
    assert page.success[0].value == "Saved the view Seven."
    page = explorer(gallery="made")
    assert "One of ten" in captions(page)
    page.button(key="view Seven").click().run()
    assert page.query_params["face"] == "7"
    assert page.segmented_control(key="layout").value == PCA
    # Once the gallery has changed, its rows are other people's.
    opened = opening.open_gallery("made")
    removing.remove_person("made", opened.row(0)["person"])
    changed = opening.open_gallery("made")
    save_map(changed, fitting.fit_map(changed))
    page = explorer(gallery="made")
    page.button(key="view Seven").click().run()
    assert "face" not in page.query_params
    assert page.segmented_control(key="layout").value == PCA
    page.button(key="delete view Seven").click().run()
    assert not any(str(button.key) == "view Seven" for button in page.button)


def test_a_view_whose_name_is_deleted_with_the_click_that_saves_it_is_refused(empty_home):
    made(40)
    page = explorer(gallery="made")
    page.text_input(key="view name").set_value("Seven").run()
    page.text_input(key="view name").set_value(" ")
    next(button for button in page.button if button.label == "Save").click().run()
    assert unescaped(popover(page, "Views").error[0].value) == "Give the view a name."
    assert not any(str(button.key).startswith("view ") for button in page.button)


def test_a_selection_becomes_a_gallery_which_is_chosen(empty_home, monkeypatch):
    fits: list[str] = []
    monkeypatch.setattr(map_refit, "begin", fits.append)
    made(40)
    page = explorer(gallery="made", where="photos a person=10", area="-1,-1 1,-1 1,0 -1,0")
    heading = next(text.value for text in page.markdown if text.value.startswith("#### "))
    page.text_input(key="selection name").set_value("pa").run()
    page.text_input(key="selection name").set_value("part")  # The click on the button ends the typing.
    next(button for button in page.button if button.label == "Create").click().run()
    assert heading.startswith(f"#### {len(opening.open_gallery('part'))} photos")
    assert fits == ["part"]
    assert "The gallery part is ready" in page.success[0].value
    assert page.session_state["gallery"] == "part"


def test_a_gallery_of_a_selection_whose_name_is_taken_is_refused_where_the_name_was_typed(empty_home):
    made(40)
    page = explorer(gallery="made", area="-1,-1 1,-1 1,0 -1,0")
    page.text_input(key="selection name").set_value("made").run()
    next(button for button in page.button if button.label == "Create").click().run()
    assert "made" in popover(page, "New gallery").error[0].value
    assert len(page.error) == 1
    page.run()
    assert not page.error


def test_of_more_faces_than_a_map_may_have_an_even_sample_is_on_it_and_addresses_have_rows_of_the_gallery(
    empty_home, monkeypatch
):
    monkeypatch.setattr(sample, "FACES_MAX", 40)
    opened = made(60)
    shown = sample.rows_on_map(60).tolist()
    page = explorer(gallery="made")
    assert "60 photos of 6 people · an even sample of 40 is on the map" in unescaped(captions(page))
    missing = next(row for row in range(60) if row not in shown)
    for row in (shown[30], missing):
        page = explorer(gallery="made", face=row)
        assert names(page)[0] == opened.row(row)["name"]
        assert len(names(page)) == 6
    go_on = next(button for button in page.button if str(button.key).startswith("go ")).click().run()
    chosen = int("".join(go_on.query_params["face"]))
    assert chosen in shown
    assert names(go_on)[0] == opened.row(chosen)["name"]


def test_a_gallery_made_of_what_is_selected_on_a_sample_has_these_photos(empty_home, monkeypatch):
    monkeypatch.setattr(sample, "FACES_MAX", 40)
    opened = made(60)
    page = explorer(gallery="made", where="source=" + opened.row(59)["source"])
    page.text_input(key="selection name").set_value("theirs").run()
    next(button for button in page.button if button.label == "Create").click().run()
    assert not page.exception
    theirs = opening.open_gallery("theirs")
    wanted = [row for row in sample.rows_on_map(60).tolist() if opened.row(row)["source"] == opened.row(59)["source"]]
    assert np.array_equal(theirs.embeddings, opened.embeddings[wanted])
