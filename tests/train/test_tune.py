"""A study goes on after its journal was damaged."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

import pytest

from train.runs.files import run_folder
from train.settings import FitSettings
from train.tune import run_study


def train(name, settings):
    """In place of a training: the higher its learning rate, the better."""
    done: Future[dict[str, float]] = Future()
    done.set_result({"held_out_rank_1": 0.5, "held_out_cosine_rank_1": 0.5, "held_out_mrr": settings.learning_rate})
    return done


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


def test_trials_run_at_once_and_differ(empty_home):
    together = Barrier(3, timeout=20)

    def train_when_all_have_begun(name, settings):
        together.wait()
        return train(name, settings).result()

    with ThreadPoolExecutor(3) as pool:
        ranked = run_study(
            "search", FitSettings(), 6, lambda *trial: pool.submit(train_when_all_have_begun, *trial), at_once=3
        )
    assert {name for name, *_ in ranked} == {f"search-{number:03d}" for number in range(6)}
    assert len({settings for *_, settings in ranked}) == 6
