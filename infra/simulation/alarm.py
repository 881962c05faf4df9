"""When a CloudWatch alarm is in ALARM, and which value it hands to its policy."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.simulation.metric_math import Series, UnknownMath, evaluate, names_in

_MORE_PERIODS = 2
"""CloudWatch looks at more minutes than it evaluates, in the user guide's example at five for three."""
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    namespace: str
    name: str
    statistic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A metric, or an expression over the other queries' ids. One query of an alarm `returns`."""

    id: str
    returns: bool
    metric: Metric | None = None
    expression: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """`datapoints` of `evaluation_periods` minutes must breach; then `policy` is asked, every minute."""

    name: str
    policy: str
    queries: tuple[Query, ...]
    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints: int
    treat_missing: str

    def __post_init__(self) -> None:
        if self.treat_missing != "notBreaching":
            raise ValueError(f"{self.name}: missing data as {self.treat_missing} is not known here")

    def breach(self, newest: int, series_of: Callable[[Metric, range], Series]) -> list[float] | None:
        """The values that were looked at, newest last, when in ALARM at the end of the minute `newest`.

        Where fewer values exist than are to be evaluated, those that are missing count as no breach.
        """
        minutes = range(newest - self.evaluation_periods - _MORE_PERIODS + 1, newest + 1)
        series = self.values(minutes, series_of)
        looked_at = [series[minute] for minute in sorted(series)][-self.evaluation_periods :]
        breaches = _COMPARISONS[self.comparison]
        count = sum(breaches(value, self.threshold) for value in looked_at)
        return looked_at if count >= self.datapoints else None

    def values(self, minutes: range, series_of: Callable[[Metric, range], Series]) -> Series:
        """Of the query that returns."""
        known: dict[str, Series] = {
            query.id: series_of(query.metric, minutes) for query in self.queries if query.metric is not None
        }
        waiting = {query.id: query.expression for query in self.queries if query.expression is not None}
        while waiting:
            ready = [id_ for id_, expression in waiting.items() if names_in(expression) <= known.keys()]
            if not ready:
                raise UnknownMath(f"{self.name}: no metric for {sorted(waiting)}")
            for id_ in ready:
                known[id_] = evaluate(waiting.pop(id_), known, minutes)
        [returned] = [query.id for query in self.queries if query.returns]
        return known[returned]
