"""What pydantic found wrong, in our words: the field, and what is wrong with it, never what was sent."""

from __future__ import annotations

from pydantic import ValidationError

from core.errors import FieldProblem

_MOST = 20
_LONGEST_NAME = 200
"""The names may be the client's own, and an answer must not be longer than what it answers."""


def problems_of(exc: ValidationError, *, prefix: str = "") -> list[FieldProblem]:
    """One problem a field, the first 20; `prefix` comes before each name, and the whole is `body`."""
    errors = exc.errors(include_url=False, include_input=False, include_context=False)
    problems = [
        FieldProblem(
            field=(prefix + ".".join(str(part) for part in error["loc"]))[:_LONGEST_NAME] or "body",
            message=error["msg"],
        )
        for error in errors[:_MOST]
    ]
    if len(errors) > _MOST:
        problems.append(FieldProblem(field="body", message=f"and {len(errors) - _MOST} problems more"))
    return problems


def in_words(exc: ValidationError) -> str:
    """All problems in one line."""
    return "; ".join(f"{problem.field}: {problem.message}" for problem in problems_of(exc))
