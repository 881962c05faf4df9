"""A function of a text that keeps what it found for the texts that come again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class KnownTexts:
    """Texts of which there is no more to say, so that they may be kept in clear. All are forgotten when they
    are `most`: those that recur are known again at once."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._texts: set[str] = set()

    def __contains__(self, text: str) -> bool:
        return text in self._texts

    def add(self, text: str) -> None:
        if len(self._texts) >= self._most:
            self._texts.clear()
        self._texts.add(text)


class Remembered(Generic[_Result]):
    """Keeps the results that were used last: at most `entries`, whose sizes are at most `room` in all.

    Texts themselves are not kept, but a digest of each: there may be a secret in one. No result takes more
    than a sixteenth of the room, so that a few long texts do not drive out the others.
    """

    def __init__(
        self,
        function: Callable[[str], _Result],
        *,
        size: Callable[[_Result], int],
        entries: int,
        room: int,
    ) -> None:
        self._function = function
        self._size = size
        self._entries = entries
        self._room = room
        self._taken = 0
        self._kept: OrderedDict[bytes, _Result] = OrderedDict()
        self._lock = Lock()

    def __call__(self, text: str) -> _Result:
        key = sha256(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        result = self._function(text)
        self._keep(key, result)
        return result

    def _keep(self, key: bytes, result: _Result) -> None:
        size = self._size(result)
        if size > self._room // 16:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = result
            self._taken += size
            while len(self._kept) > self._entries or self._taken > self._room:
                _, oldest = self._kept.popitem(last=False)
                self._taken -= self._size(oldest)
