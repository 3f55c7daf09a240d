"""A study goes on after its journal was damaged."""

import pytest

from train.runs.files import run_folder
from train.settings import FitSettings
from train.tune import run_study


def train(name, settings):
    """In place of a training: the higher its learning rate, the better."""
    return {"held_out_rank_1": 0.5, "held_out_cosine_rank_1": 0.5, "held_out_mrr": settings.learning_rate}


@pytest.fixture
def journal(empty_home):
    run_study("search", FitSettings(), 3, train)
    return run_folder("search.journal")


def test_a_journal_whose_last_line_is_half_written_goes_on(journal, caplog):
    whole = run_study("search", FitSettings(), 3, train)
    journal.write_bytes(journal.read_bytes()[:-20])
    for _ in range(2):
        assert run_study("search", FitSettings(), 3, train) == whole
    assert not caplog.records


def test_a_damaged_journal_is_set_aside_and_the_same_trials_are_made_again(journal, caplog):
    whole = run_study("search", FitSettings(), 3, train)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], b"\x00garbage\n", *lines[5:]]))
    assert run_study("search", FitSettings(), 3, train) == whole
    assert "search.journal cannot be read" in caplog.text
    assert journal.with_name("search-unreadable-1.journal").is_file()
