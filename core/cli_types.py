"""What options of the command line are read as."""

from __future__ import annotations

from datetime import timedelta

import click

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_MOST_DIGITS = 6


class Duration(click.ParamType[timedelta]):
    """`90d`, `12h`, `30m` or `45s`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        is_number = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
        if unit not in _UNITS or not is_number:
            self.fail("must be a number with d, h, m or s, as in 90d", param, ctx)
        return timedelta(**{_UNITS[unit]: int(number)})


DURATION = Duration()
