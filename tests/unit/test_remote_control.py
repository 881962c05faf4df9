"""What `celery inspect failed` does with a number that is none."""

from __future__ import annotations

import pytest

from worker.remote_control import _count


@pytest.mark.parametrize(
    ("said", "shown"),
    [(7, 7), ("7", 7), (0, 1), (-5, 1), (10**30, 1_000), ("many", 50), (None, 50), ([], 50)],
)
def test_how_many_are_shown(said: object, shown: int) -> None:
    assert _count(said) == shown
