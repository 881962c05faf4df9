"""What pydantic found wrong, in our words: the field, and what is wrong with it, never what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from core.errors import FieldProblem

_MOST = 20
_TOO_MANY = 1_000
"""pydantic can only list all of them, at a kilobyte each."""
_LONGEST_NAME = 200
"""The names may be the client's own, and an answer must not be longer than what it answers."""


def problems_of(exc: ValidationError, *, prefix: str = "") -> list[FieldProblem]:
    """One problem a field, the first 20; `prefix` comes before each name, and the whole is `body`."""
    if exc.error_count() > _TOO_MANY:
        return [FieldProblem(field="body", message=f"has {exc.error_count()} problems")]
    return problems_in(
        exc.errors(include_url=False, include_input=False, include_context=False), prefix=prefix
    )


def problems_in(
    errors: Sequence[Mapping[str, Any]], *, prefix: str = "", skip: int = 0
) -> list[FieldProblem]:
    """The same of pydantic's own records; so many parts of each place are left out at its beginning."""
    problems = [
        FieldProblem(
            field=_name(prefix, error["loc"][skip:]),
            message=error["msg"],
        )
        for error in errors[:_MOST]
    ]
    if len(errors) > _MOST:
        problems.append(FieldProblem(field="body", message=f"and {len(errors) - _MOST} problems more"))
    return problems


def _name(prefix: str, place: Sequence[object]) -> str:
    """`events.3` for what is wrong with the whole event, `events.3.message` for what is with its message."""
    return (prefix + ".".join(str(part) for part in place))[:_LONGEST_NAME].rstrip(".") or "body"


def in_words(exc: ValidationError) -> str:
    """All problems in one line."""
    return "; ".join(f"{problem.field}: {problem.message}" for problem in problems_of(exc))
