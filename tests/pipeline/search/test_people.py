"""The rows of each person and reductions over them, against naive loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.people import RowsByPerson, segmented_minimum, upper_bounds


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 4), st.integers(0, 1000))
def test_the_segmented_minimum_agrees_with_a_loop(lengths, columns, seed):
    values = np.random.default_rng(seed).normal(size=(sum(lengths), columns)).astype(np.float32)
    ends = np.cumsum(lengths)
    expected = [values[end - length : end].min(axis=0) for end, length in zip(ends, lengths, strict=True)]
    assert (segmented_minimum(values, np.array(lengths)) == np.stack(expected)).all()


@given(st.integers(1, 300), st.integers(0, 20), st.integers(0, 1000))
def test_more_than_the_count_lie_within_the_upper_bounds(size, count, seed):
    values = np.random.default_rng(seed).normal(size=(size, 3)).astype(np.float32)
    bounds = upper_bounds(values, count)
    within = (values <= bounds).sum(axis=0)
    assert (within > count).all() if count < size else np.isinf(bounds).all()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 20))
def test_blocks_hold_each_row_once_and_people_whole(numbers, rows_max):
    people = np.unique(numbers, return_inverse=True)[1].astype(np.int32)
    by_person = RowsByPerson(people)
    every = np.arange(len(people))
    blocks = [(every[rows], counts) for rows, counts in by_person.blocks(max(rows_max, by_person.counts.max()))]
    assert np.concatenate([rows for rows, _ in blocks]).tolist() == by_person.rows.tolist()
    assert np.concatenate([counts for _, counts in blocks]).tolist() == np.bincount(people).tolist()
    for person in range(people.max() + 1):
        assert by_person.of(np.array([person])).tolist() == np.flatnonzero(people == person).tolist()
