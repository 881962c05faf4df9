"""Makes decoded JSON storable: PostgreSQL's text and jsonb refuse what JSON itself allows."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from core.domain.json_types import JsonValue
from core.errors import FieldProblem, InvalidInput

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INT64 = 2**63
_DECIMAL_BITS = 10_000
"""Python refuses to print longer integers as decimals (4,300 digits), so those go as hexadecimals."""


_TEXTS = (str, bytes)
_MAPPINGS = (dict, Mapping)
_NESTING = (list, tuple, *_MAPPINGS)
"""The usual types first: to ask an abstract class takes ten times as long."""


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates as U+FFFD: neither can be stored as UTF-8 text."""
    if text.isascii():
        return text.replace("\0", REPLACEMENT) if "\0" in text else text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def holds_more_than(value: object, most: int) -> bool:
    """Whether decoded JSON has more values than that, at all depths. Stops counting there."""
    found, unseen = 0, [value]
    while unseen:
        within = unseen.pop()
        items = within.values() if isinstance(within, _MAPPINGS) else within
        if not isinstance(items, _TEXTS) and isinstance(items, Collection):
            found += len(items)
            if found > most:
                return True
            unseen += [item for item in items if not isinstance(item, _TEXTS) and isinstance(item, _NESTING)]
    return False


def clean_json(value: object, *, max_depth: int = 32, field: str = "extra") -> JsonValue:
    """A copy of decoded JSON that jsonb takes and that every reader can read back.

    NaN and the infinities become their names, integers beyond 64 bits their digits, and
    anything that is not JSON its `str`. Of two keys that become equal the later one wins.
    A list or object deeper than `max_depth` raises InvalidInput, naming `field`.
    """
    return _clean(value, max_depth, max_depth, field)


def _clean(value: object, levels_left: int, max_depth: int, field: str) -> JsonValue:
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _clean_int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if not isinstance(value, _NESTING):
        return clean_text(str(value))
    if levels_left <= 0:
        raise InvalidInput(FieldProblem(field=field, message=f"is nested deeper than {max_depth} levels"))
    if isinstance(value, _MAPPINGS):
        return {
            clean_text(str(key)): _clean(item, levels_left - 1, max_depth, field)
            for key, item in value.items()
        }
    return [_clean(item, levels_left - 1, max_depth, field) for item in value]


def _clean_int(value: int) -> int | str:
    if -_INT64 <= value < _INT64:
        return value
    return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)
