"""Texts that a regular expression begins to match and then does not, made of the expression's own parts."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

from tests.linear import Shape

# Python's own reader of expressions. There is no public one.
_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")

_CANDIDATES = "a1 A_-./:;=\"'`([{<\n\t\\%@#&,+~é中\x00"
_MANY = 16
"""A part that may come so often is one to be repeated."""
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def patterns_of(*modules: ModuleType) -> list[re.Pattern[str]]:
    """The expressions of these modules and, for packages, of all modules within."""
    found: dict[str, re.Pattern[str]] = {}
    for module in modules:
        names = [module.__name__]
        if hasattr(module, "__path__"):
            names += [name for _, name, _ in pkgutil.iter_modules(module.__path__, f"{module.__name__}.")]
        for name in names:
            for value in vars(importlib.import_module(name)).values():
                found |= {pattern.pattern: pattern for pattern in _patterns_in(value)}
    return list(found.values())


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _patterns_in(item)
    elif (inner := getattr(value, "pattern", None)) is not None:
        yield from _patterns_in(inner)


def shapes_of(patterns: Iterable[re.Pattern[str]]) -> list[Shape]:
    """Whole matches and their beginnings, over and over; and each repeated part for very long, alone and
    behind what leads to it."""
    shapes: dict[Shape, None] = {}
    for pattern in patterns:
        parsed = list(_parser.parse(pattern.pattern, pattern.flags))
        whole = _sample(parsed)
        beginnings = [_sample(parsed[:end]) for end in range(1, len(parsed) + 1)]
        for unit in filter(None, (*beginnings, f"{whole} ", f"{whole}\n")):
            shapes[Shape(unit=unit)] = None
        for head, unit in _repeated(parsed, ""):
            shapes[Shape(unit=unit)] = None
            shapes[Shape(unit=unit, head=head, tail="\x00")] = None
    return list(shapes)


def _repeated(parsed: Sequence[Any], head: str) -> Iterator[tuple[str, str]]:
    for operation, argument in parsed:
        name = str(operation)
        if name.endswith("_REPEAT"):
            _, most, inner = argument
            if most >= _MANY and (unit := _sample(inner)):
                yield head, unit
            yield from _repeated(inner, head)
        elif name == "SUBPATTERN":
            yield from _repeated(argument[-1], head)
        elif name == "ATOMIC_GROUP":
            yield from _repeated(argument, head)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repeated(branch, head)
        head += _sample([(operation, argument)])


def _sample(parsed: Iterable[Any]) -> str:
    """A text that matches, but for what looks around it and refers back."""
    return "".join(_sample_of(str(operation), argument) for operation, argument in parsed)


def _sample_of(name: str, argument: Any) -> str:
    if name == "LITERAL":
        return chr(argument)
    if name in {"NOT_LITERAL", "ANY"}:
        return next(char for char in _CANDIDATES if name == "ANY" or ord(char) != argument)
    if name == "IN":
        return next((char for char in _CANDIDATES if _is_in(char, argument)), "") or _first_of(argument)
    if name == "BRANCH":
        return _sample(argument[1][0])
    if name == "SUBPATTERN":
        return _sample(argument[-1])
    if name == "ATOMIC_GROUP":
        return _sample(argument)
    if name.endswith("_REPEAT"):
        least, _, inner = argument
        return _sample(inner) * max(int(least), 1)
    return ""


def _is_in(char: str, members: Sequence[Any]) -> bool:
    is_negated = str(members[0][0]) == "NEGATE"
    is_member = any(_matches(char, str(kind), argument) for kind, argument in members)
    return is_member is not is_negated


def _matches(char: str, kind: str, argument: Any) -> bool:
    if kind == "LITERAL":
        return ord(char) == int(argument)
    if kind == "RANGE":
        return bool(argument[0] <= ord(char) <= argument[1])
    if kind == "CATEGORY":
        return re.match(_CATEGORIES[str(argument)], char) is not None
    return False


def _first_of(members: Sequence[Any]) -> str:
    """Of letters that are none of the candidates."""
    kind, argument = members[0]
    return chr(argument if str(kind) == "LITERAL" else argument[0])
