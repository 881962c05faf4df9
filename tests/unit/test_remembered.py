"""What a function found for a text is kept under a digest of the text, within bounds."""

from __future__ import annotations

import weakref

from core.domain.remembered import Remembered


class Counting:
    """Says a text in capitals, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return text.upper()


def remembered(function: Counting, *, entries: int = 10, room: int = 1_600) -> Remembered[str]:
    return Remembered(function, size=len, entries=entries, room=room)


def test_a_text_is_read_once() -> None:
    function = Counting()
    upper = remembered(function)
    assert [upper("abc"), upper("abc"), upper("abd")] == ["ABC", "ABC", "ABD"]
    assert function.asked == ["abc", "abd"]


def test_lone_surrogates_are_texts_too() -> None:
    upper = remembered(Counting())
    assert upper("\ud800a") == "\ud800A"
    assert upper("\ud801a") == "\ud801A"


def test_what_was_used_last_is_kept() -> None:
    function = Counting()
    upper = remembered(function, entries=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        upper(text)
    assert function.asked == ["a", "b", "c", "b"]


def test_all_results_together_are_bounded() -> None:
    function = Counting()
    upper = remembered(function, entries=1_000, room=160)
    texts = [f"{number:010}" for number in range(100)]
    for text in texts:
        upper(text)
    function.asked.clear()
    for text in reversed(texts):
        upper(text)
    assert len(function.asked) == 84


def test_a_long_result_drives_out_no_others() -> None:
    function = Counting()
    upper = remembered(function, room=160)
    for text in ("short", "long" * 10, "short", "long" * 10):
        upper(text)
    assert function.asked == ["short", "long" * 10, "long" * 10]


class Text(str):
    """One that can be watched, which a `str` cannot."""


def test_the_text_itself_is_not_kept() -> None:
    def length(text: str) -> int:
        return len(text)

    count = Remembered(length, size=lambda _: 1, entries=10, room=1_600)
    text = Text("a secret" * 100)
    watched = weakref.ref(text)
    assert count(text) == 800
    del text
    assert watched() is None
