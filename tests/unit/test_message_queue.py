"""How messages share calls: at most ten, and no more bytes than SQS takes."""

from __future__ import annotations

import pytest

from core.aws.queue import _MOST_BYTES, _batches


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([1], [[0]]),
        ([1] * 23, [list(range(10)), list(range(10, 20)), [20, 21, 22]]),
        ([_MOST_BYTES, 1], [[0], [1]]),
        ([_MOST_BYTES - 1, 1, 1], [[0, 1], [2]]),
        ([1, _MOST_BYTES + 1, 1], [[0, 2]]),
        ([_MOST_BYTES + 1], []),
    ],
)
def test_messages_share_calls(lengths: list[int], batches: list[list[int]]) -> None:
    assert list(_batches(["x" * length for length in lengths])) == batches


def test_bytes_are_counted_and_not_characters() -> None:
    assert list(_batches(["é" * (_MOST_BYTES // 2), "x"])) == [[0], [1]]
