"""Finds the JSON object in what a model said, and makes text fit to be sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from core.errors import InvalidAnswer

_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,99}", re.ASCII)


def parse_json_object(text: str) -> dict[str, object]:
    """The JSON object in `text`, with or without a fence or a sentence around it.

    Raises InvalidAnswer with words meant for the model. Strings that PostgreSQL could not store
    (with U+0000, or half of a surrogate pair) count as invalid.
    """
    start = text.find("{")
    if start < 0:
        raise InvalidAnswer("it holds no JSON object" if text.strip() else "it is empty")
    if text[:start].rstrip().endswith("["):
        raise InvalidAnswer("it is a JSON array, not an object")
    try:
        found: dict[str, object] = _DECODER.raw_decode(text, start)[0]
    except RecursionError as exc:
        raise InvalidAnswer("its JSON is nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise InvalidAnswer(f"its JSON breaks off or is wrong near character {exc.pos}: {exc.msg}") from exc
    except ValueError as exc:
        raise InvalidAnswer("it holds a number that JSON does not allow") from exc
    for string in _strings(found):
        if "\0" in string or any("\ud800" <= character <= "\udfff" for character in string):
            raise InvalidAnswer("a string in it holds U+0000 or half of a surrogate pair")
    return found


def plain_model_name(said: str, asked: str) -> str:
    """The name that a server gives itself, if it is one: it becomes a label of metrics and is stored."""
    return said if _MODEL_NAME.fullmatch(said) else asked


def encodable(text: str) -> str:
    """`text` with a question mark for each half of a surrogate pair.

    A model's own answer can hold one, and would fail to go back to it in a repair.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _strings(value: object) -> Iterator[str]:
    """Every string in it, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
