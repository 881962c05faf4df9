"""Which errors are the same error: the rule by which events are grouped, and the group's title.

An event whose stack names frames is known by its exceptions' types and the functions they passed through.
Any other event is known by its request and by what its message says once ids, times and addresses are out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from core.domain.event import EventContent
from core.domain.remembered import Remembered
from core.domain.stack_heading import STAND_IN, headed, read_below
from core.domain.stack_reading import StackReading, read_stack
from core.domain.templates import normalise_message, path_template

FINGERPRINT_VERSION = 1
MAX_TITLE = 200
_MAX_METHOD = 20
_NO_STACK = StackReading()
_ENTRIES = 4_096
_ROOM = 2 * 2**20
"""Of what is remembered of stacks; the room in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Events of one project with the same `value` and `version` are one group.

    `value` is 32 hex digits. `title`, one line of at most MAX_TITLE characters, takes no part in grouping.
    """

    value: str
    version: int
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Untitled:
    """A fingerprint of stacks whose first lines may say different things, which its title quotes."""

    value: str
    type: str
    where: str


def fingerprint(content: EventContent) -> Fingerprint:
    """Depends on nothing but `content`; reads its whole stack, unless it did so lately."""
    if content.stack and (below := _by_what_is_below(content.stack)):
        return below
    stack = _of_stack(content.stack) if content.stack else _NO_STACK
    if isinstance(stack, Fingerprint):
        return stack
    return _of_frames(stack, content.message) if stack.has_frames else _of_request(stack, content)


def _by_what_is_below(stack: str) -> Fingerprint | None:
    """The same as without this shorter way, which None says is not open."""
    parts = headed(stack)
    if parts is None:
        return None
    below = _below(parts.stand_in)
    if not isinstance(below, _Untitled):
        return below
    title = _title(below.type, parts.said, below.where)
    return Fingerprint(value=below.value, version=FINGERPRINT_VERSION, title=title)


def _read_below(stand_in: str) -> Fingerprint | _Untitled | None:
    reading = read_below(stand_in)
    if reading is None:
        return None
    found = _of_frames(reading, "")
    if not (reading.said or "").startswith(STAND_IN):
        return found
    return _Untitled(value=found.value, type=reading.type, where=_where(reading))


def _size_below(found: Fingerprint | _Untitled | None) -> int:
    return len(found.type) + len(found.where) if isinstance(found, _Untitled) else MAX_TITLE


_below = Remembered(_read_below, size=_size_below, entries=_ENTRIES, room=_ROOM)


def _read(stack: str) -> Fingerprint | StackReading:
    reading = read_stack(stack)
    return _of_frames(reading, "") if reading.tells_all else reading


def _size(found: Fingerprint | StackReading) -> int:
    return MAX_TITLE if isinstance(found, Fingerprint) else found.characters


_of_stack = Remembered(_read, size=_size, entries=_ENTRIES, room=_ROOM)
"""In a storm of errors their stacks recur: most often they are all that a fingerprint depends on."""


def _of_frames(stack: StackReading, message: str) -> Fingerprint:
    """Its title names the root cause and the application's function nearest to it."""
    parts = [normalise_message(message) if part is None else part for part in stack.parts]
    said = message if stack.said is None else stack.said
    return _fingerprint(parts, _title(stack.type, said, _where(stack)))


def _where(stack: StackReading) -> str:
    return " in " + _cut(stack.place, MAX_TITLE // 2)


def _title(type_: str, said: str, where: str) -> str:
    what = ": ".join([part for part in (type_, _first_line(said)) if part])
    return _cut(what, MAX_TITLE - len(where)) + where


def _of_request(stack: StackReading, content: EventContent) -> Fingerprint:
    request = _request(content)
    named = " ".join(part for part in request if part)
    parts = ["request", *request, normalise_message(content.message)]
    parts += [part for part in stack.parts if part is not None]
    return _fingerprint(parts, _cut(f"{named}: {_first_line(content.message)}", MAX_TITLE))


def _fingerprint(parts: Iterable[str], title: str) -> Fingerprint:
    digest = blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16)
    return Fingerprint(value=digest.hexdigest(), version=FINGERPRINT_VERSION, title=title)


def _request(content: EventContent) -> tuple[str, str, str]:
    """The status code itself and not its class: 502, 503 and 504 come from different places."""
    method = (content.method or "")[:_MAX_METHOD].strip().upper()
    return method, path_template(content.path), str(content.status_code)


def _first_line(text: str) -> str:
    return text[: MAX_TITLE * 2].strip().partition("\n")[0]


def _cut(text: str, length: int) -> str:
    """On one line and in printable characters."""
    if not text.isprintable():
        text = "".join([character if character.isprintable() else " " for character in text])
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
