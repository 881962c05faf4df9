"""Takes secrets out of what clients send, before it is stored and so before any model sees it.

Where a secret cannot be told from a harmless word, the word goes: a note that lost a word is
better than a password in a database. Every scan is linear: runs are matched possessively and
start once, look-ahead is bounded. Line breaks stay, so that a stack text still parses; only
private key blocks shrink to one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from sys import getsizeof

from core.domain.event import EventContent
from core.domain.literals import any_of, shortest
from core.domain.remembered import KnownTexts, Remembered
from core.domain.secret_encoded import may_hold_base64, scrub_base64
from core.domain.secret_headers import scrub_headers
from core.domain.secret_lists import masked_places, scrub_lists
from core.domain.secret_named import scrub_named
from core.domain.secret_names import is_secret_name, is_working_directory
from core.domain.secret_pairs import MASK, PARTS_OF_NAMES, may_name_secret, names_from, scrub_pairs
from core.domain.secret_prose import SIGNS_OF_PROSE, scrub_prose
from core.domain.secret_shapes import (
    SIGNS_OF_SHAPES,
    is_card_number,
    may_hold_card,
    scrub_early_shapes,
    scrub_late_shapes,
)

_MAPPINGS = (dict, Mapping)
"""The usual one first: to ask an abstract class takes ten times as long."""
_SHORTEST_SECRET = 4
_SHORT = 256
_ENTRIES = 4_096
_LONGEST_SHAPE = 1_024
_ROOM = 8 * 2**20
"""Of what is remembered of long texts; the room in bytes."""
_TO_ZERO = str.maketrans("123456789", "000000000")
_SIGNS = PARTS_OF_NAMES | SIGNS_OF_PROSE | SIGNS_OF_SHAPES
_SIGN = re.compile(any_of(shortest(_SIGNS | {sign.translate(_TO_ZERO) for sign in _SIGNS})))
"""In lower case: one is in every text of ASCII that changes, unless by a card number or base64, and one is in
what that text is with zeros for digits."""
_CARD_NUMBERS = range(10**12, 10**19)
_SAY_THE_NAME = frozenset(["name", "key", "header", "field", "param", "parameter"])
_SAY_THE_VALUE = frozenset(["value", "values", "content"])


def scrub_text(text: str) -> str:
    """The text with every recognised secret as `[scrubbed]`. Scrubbing twice changes nothing more."""
    if len(text) < _SHORTEST_SECRET:
        return text
    if text in _without_secret:
        return text
    if len(text) <= _SHORT:
        scrubbed = scrub_base64(text if _is_harmless(text) else _scrub_plain(text), _scrub_plain)
        if scrubbed == text:
            _without_secret.add(text)
        return scrubbed
    changed = _changed(text)
    return text if changed is None else changed


def _stays(text: str) -> bool:
    """Texts that differ in digits only, as messages and paths of one error do, are looked through once."""
    shape = text.translate(_TO_ZERO)
    if shape in _harmless_shapes:
        return True
    if _is_harmless(shape) and not may_hold_base64(shape):
        if len(shape) <= _LONGEST_SHAPE:
            _harmless_shapes.add(shape)
        return True
    return _is_harmless(text) and scrub_base64(text, _scrub_plain) == text


_lines_stay = Remembered(_stays, size=lambda _: 1, entries=_ENTRIES, room=_ENTRIES)
"""Of a stack without its ends: where its event's message is repeated, and what differs each time."""


def _in_three(text: str) -> tuple[str, str, str]:
    """The first line, those between, and the last."""
    first, _, rest = text.partition("\n")
    middle, _, last = rest.rpartition("\n")
    return first, middle, last


def _scrub_long(text: str) -> str | None:
    """None: it stays as it is, and so need not be remembered."""
    first, middle, last = _in_three(text)
    # No sign has a line break in it, nor has a card number or base64.
    if _stays(first) and _stays(last) and _lines_stay(middle):
        return None
    scrubbed = scrub_base64(_scrub_plain(text), _scrub_plain)
    return None if scrubbed == text else scrubbed


_changed = Remembered(
    _scrub_long, size=lambda changed: getsizeof(changed) if changed else 0, entries=_ENTRIES, room=_ROOM
)
"""Of long texts, stacks most of all, that recur in a storm of errors."""
_harmless_shapes = KnownTexts(most=_ENTRIES)
"""Whatever their digits are, no rule finds anything."""
_without_secret = KnownTexts(most=_ENTRIES)
"""Short ones: what an event is of (environment, release, host) is the same in many."""


def _is_harmless(text: str) -> bool:
    """True: but for base64, no rule finds anything. One look tells it of most ids, names and paths."""
    return text.isascii() and _SIGN.search(text.lower()) is None and not may_hold_card(text)


def _scrub_plain(text: str) -> str:
    lowered = text.lower()
    start = names_from(lowered)
    names_secret = start is not None and may_name_secret(lowered, start)
    text = scrub_early_shapes(text)
    text = scrub_headers(text, lowered)
    text = scrub_prose(text, lowered, names_secret=names_secret)
    if start is not None:
        text = scrub_lists(text)
    if start is not None and names_secret:
        text = scrub_named(scrub_pairs(text, lowered, start), lowered)
    return scrub_late_shapes(text)


def scrub_json(value: object) -> object:
    """A scrubbed copy of JSON that `clean_json` has bounded in depth.

    What stands under a secret name goes as a whole, but None and booleans stay: they tell
    that a secret was missing. Lists of [name, value] and objects of name and value count too.
    """
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, _MAPPINGS):
        return _scrub_mapping(value)
    if isinstance(value, (list, tuple)):
        if _is_named_pair(value):
            return [value[0], _masked(value[1])]
        hidden = masked_places(value)
        return [MASK if index in hidden else scrub_json(item) for index, item in enumerate(value)]
    if isinstance(value, int) and value in _CARD_NUMBERS and is_card_number(str(value)):
        return MASK
    return value


def scrub_event(content: EventContent) -> EventContent:
    """Every field that a client can fill, scrubbed. What holds no secret is given back as it is."""
    extra = _scrub_mapping(content.extra)
    if extra == content.extra and _holds_no_secret(content):
        return content
    return EventContent(
        message=scrub_text(content.message),
        status_code=content.status_code,
        stack=_scrub_optional(content.stack),
        method=_scrub_optional(content.method),
        path=_scrub_optional(content.path),
        environment=_scrub_optional(content.environment),
        release=_scrub_optional(content.release),
        extra=extra,
    )


def _holds_no_secret(content: EventContent) -> bool:
    """Of its fields but `extra`, by one look at all of them that are new."""
    texts = [content.message, content.method, content.path, content.environment, content.release]
    if content.stack is not None:
        first, middle, last = _in_three(content.stack)
        if not _lines_stay(middle):
            return False
        texts += (first, last)
    # As they would be alone: nothing that is looked for has a line break in it.
    return _stays("\n".join(filter(None, texts)))


def _scrub_optional(text: str | None) -> str | None:
    return None if text is None else scrub_text(text)


def _scrub_mapping(value: Mapping[str, object]) -> dict[str, object]:
    hides_value = _names_secret(value)
    return {
        scrub_text(key): _masked(item)
        if (is_secret_name(key) and not is_working_directory(key, item))
        or (hides_value and key.lower() in _SAY_THE_VALUE)
        else scrub_json(item)
        for key, item in value.items()
    }


def _names_secret(value: Mapping[str, object]) -> bool:
    """`{"name": "password", …}`"""
    for key, item in value.items():
        if isinstance(item, str) and key.lower() in _SAY_THE_NAME and is_secret_name(item):
            return True
    return False


def _is_named_pair(value: list[object] | tuple[object, ...]) -> bool:
    return len(value) == 2 and isinstance(value[0], str) and is_secret_name(value[0])


def _masked(value: object) -> object:
    return value if value is None or isinstance(value, bool) else MASK
