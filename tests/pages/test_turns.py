"""Waiting in line, with real threads."""

from __future__ import annotations

import threading
from queue import Queue

import pytest

from pages.shared.turns import Turns


def enter(
    turns: Turns, name: str, waits: Queue[tuple[str, int]], done: Queue[str], leave: threading.Event
) -> threading.Thread:
    """A thread that takes a turn and keeps it until it may leave."""

    def run():
        with turns.turn(lambda before: waits.put((name, before))):
            done.put(name)
            leave.wait(30)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_turns_come_in_order_and_those_who_wait_hear_how_many_come_before():
    turns = Turns(1)
    waits: Queue[tuple[str, int]] = Queue()
    done: Queue[str] = Queue()
    leaves = {name: threading.Event() for name in "abc"}
    threads = []
    for name, leave in leaves.items():
        threads.append(enter(turns, name, waits, done, leave))
        if name == "a":
            assert done.get(timeout=30) == "a"
        else:
            expected = (name, 1 if name == "b" else 2)
            while waits.get(timeout=30) != expected:
                pass
    assert not turns.is_idle()
    leaves["a"].set()
    assert done.get(timeout=30) == "b"
    while waits.get(timeout=30) != ("c", 1):
        pass
    leaves["b"].set()
    assert done.get(timeout=30) == "c"
    leaves["c"].set()
    for thread in threads:
        thread.join(30)
    assert turns.is_idle()


def test_several_have_a_turn_at_once():
    turns, leave = Turns(3), threading.Event()
    waits: Queue[tuple[str, int]] = Queue()
    done: Queue[str] = Queue()
    threads = [enter(turns, name, waits, done, leave) for name in "abc"]
    assert sorted(done.get(timeout=30) for _ in threads) == ["a", "b", "c"]
    leave.set()
    for thread in threads:
        thread.join(30)


def test_who_leaves_the_line_or_fails_in_a_turn_lets_the_next_one_in():
    turns = Turns(1)
    with pytest.raises(ValueError, match="fault"), turns.turn(lambda before: None):
        raise ValueError("fault")

    def leave_line(before):
        raise ConnectionError

    with turns.turn(lambda before: None), pytest.raises(ConnectionError), turns.turn(leave_line):
        pass
    assert turns.is_idle()
    with turns.turn(leave_line):
        assert not turns.is_idle()
