"""What pydantic found wrong, in our words: the field, and what is wrong with it, never what was sent."""

from __future__ import annotations

from pydantic import ValidationError

from core.errors import FieldProblem


def problems_of(exc: ValidationError, *, prefix: str = "") -> list[FieldProblem]:
    """One problem a field; `prefix` comes before each name, and the whole is `body`."""
    return [
        FieldProblem(
            field=prefix + ".".join(str(part) for part in error["loc"]) or "body", message=error["msg"]
        )
        for error in exc.errors(include_url=False, include_input=False, include_context=False)
    ]


def in_words(exc: ValidationError) -> str:
    """All problems in one line."""
    return "; ".join(f"{problem.field}: {problem.message}" for problem in problems_of(exc))
