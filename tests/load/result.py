"""What a part of the load tests found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """`table` in Markdown, with whatever has to be said beside it; `faults` are promises that were broken."""

    title: str
    table: str
    faults: tuple[str, ...] = ()
