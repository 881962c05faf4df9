"""Text made fit to be read, and kept within bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.domain.clean import clean_text

MAX_LINE = 2_000_000
MAX_MESSAGE = 8_000
MAX_STACK = 200_000
_MAX_FIELD = 2_000
_MAX_ITEMS = 50
_MAX_DEPTH = 6
_MAX_FIELDS_IN_ALL = 500

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
_LEFT_OUT = "\n[…]\n"


def tidy(text: str) -> str:
    """Without colours, with line feeds alone, and with spaces where Lambda prints no-break spaces.

    Lambda's Python runtime indents tracebacks by U+00A0 and, without its framed log, ends lines by CR.
    """
    text = clean_text(text[:MAX_LINE])
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\xa0", " ").strip("\n \t")


def cut_message(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def cut_stack(text: str) -> str:
    """Both ends: runtimes differ in where they put what was raised."""
    half = MAX_STACK // 2
    return text if len(text) <= MAX_STACK else text[:half] + _LEFT_OUT + text[-half:]


def bounded(fields: Mapping[str, object]) -> dict[str, object]:
    """A copy that is neither deep nor large: it is kept with every event of the group."""
    budget = [_MAX_FIELDS_IN_ALL]
    return {key[:_MAX_FIELD]: _bounded(fields[key], _MAX_DEPTH, budget) for key in list(fields)[:_MAX_ITEMS]}


def _bounded(value: object, depth: int, budget: list[int]) -> object:
    budget[0] -= 1
    if isinstance(value, str):
        return value if len(value) <= _MAX_FIELD else value[: _MAX_FIELD - 1] + "…"
    if not isinstance(value, Mapping | list):
        return value
    if depth == 0 or budget[0] <= 0:
        return "…"
    if isinstance(value, Mapping):
        keys = list(value)[: min(_MAX_ITEMS, budget[0])]
        return {key[:_MAX_FIELD]: _bounded(value[key], depth - 1, budget) for key in keys}
    return [_bounded(item, depth - 1, budget) for item in value[: min(_MAX_ITEMS, budget[0])]]
