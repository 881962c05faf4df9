"""How many messages may wait, by how fast they are taken."""

from __future__ import annotations

import pytest

from core.store.dispatch import LONGEST
from worker.usecases.window import LEAST, Window


@pytest.mark.parametrize(
    ("left", "waiting", "room"),
    [
        (0, 0, LEAST),
        (LEAST, 0, 2 * LEAST),
        (100, 0, 200),
        (400, 0, LONGEST),
        (100, 20, 80),
        (100, 100, 0),
        (40, 39, 0),
        (4, 3, 1),
        (0, 3, 1),
        (0, 10_000, 0),
    ],
)
def test_room(left: int, waiting: int, room: int) -> None:
    assert Window(left=left).room(waiting) == room


def test_a_full_window_has_all_the_room_there_is() -> None:
    assert Window(least=LONGEST).room(0) == LONGEST
    assert Window(least=LONGEST).room(LONGEST - 3) == 3


@pytest.mark.parametrize("taken_a_look", [1, 7, 60, 200])
def test_it_comes_to_what_is_taken_between_two_looks(taken_a_look: int) -> None:
    """With no end of jobs, workers soon find a message at any time, and no more than twice what they need."""
    window, waiting, dry = Window(), 0, 0
    for look in range(40):
        window.left = waiting + window.room(waiting)
        assert window.left <= max(LEAST, 2 * taken_a_look)
        dry += look > 10 and window.left < taken_a_look
        waiting = max(0, window.left - taken_a_look)
    assert dry == 0
