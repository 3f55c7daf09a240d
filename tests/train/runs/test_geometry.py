import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from train.runs import files, geometry


@given(arrays(np.float64, (20, 3), elements=st.floats(-0.125, 1.125)))
def test_each_histogram_counts_every_quadruplet_once(distances):
    found = geometry.histograms(distances)
    assert list(found) == ["ap", "an", "nn"]
    for name, column in zip(found, distances.T, strict=True):
        assert sum(found[name]) == 20
        assert sum(found[name][: geometry.BINS // 2]) == sum(column < 0.5)


def test_truncating_keeps_epochs_up_to_a_checkpoint_and_damaged_lines_are_skipped(tmp_path):
    random = np.random.default_rng(0)
    for epoch in range(4):
        geometry.append_geometry(tmp_path, epoch, {side: random.random((50, 3)) for side in ("train", "held_out")})
    whole = geometry.read_geometry(tmp_path)
    assert list(whole) == [0, 1, 2, 3] and set(whole[0]) == {"train", "held_out"}
    with (tmp_path / files.GEOMETRY).open("a") as file:
        file.write('{"epoch": 4, "train": {"ap": [1]}}\n[]\n{"epoch": 5}\nnonsense\n{"epoch": 6, "trai')
    assert geometry.read_geometry(tmp_path) == whole
    geometry.truncate_geometry(tmp_path, 2)
    assert geometry.read_geometry(tmp_path) == {epoch: whole[epoch] for epoch in (0, 1, 2)}
    geometry.truncate_geometry(tmp_path, -1)
    assert geometry.read_geometry(tmp_path) == {} and not (tmp_path / files.GEOMETRY).exists()
