"""The declared table for people."""

from __future__ import annotations

from tests.route_table.rules import RULES, Rule, Tenancy

BEGIN, END = "<!-- routes:begin -->", "<!-- routes:end -->"

_HEAD = (
    "| route | no or wrong key | narrower key | key of another project | right key |\n|---|---|---|---|---|\n"
)


def table() -> str:
    return _HEAD + "".join(map(_row, RULES))


def _row(rule: Rule) -> str:
    route = f"`{rule.method} {rule.path}`"
    if rule.scope is None:
        return f"| {route} | answers | answers | answers | open to all |\n"
    narrower = "403" if rule.scope.narrower else "there is none"
    for_whom = "admin of all projects" if rule.tenancy is Tenancy.OPERATORS else str(rule.scope)
    return f"| {route} | 401 | {narrower} | {rule.tenancy} | {for_whom}: {rule.answer} |\n"


def within(page: str, inner: str) -> str:
    """`page` with `inner` between its marks. Raises ValueError where they are not there once, in order."""
    before, found, rest = page.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not found or not ends:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{inner}{END}{after}"
