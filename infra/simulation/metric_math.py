"""CloudWatch's metric math, as far as alarms of ours use it.

From the user guide ("Using metric math"): in arithmetic and comparisons a missing value counts as 0
where the other side has one; a division by zero drops the minute; IF drops a minute that its condition
lacks, and gives 0 where the value that it picks as true is missing.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

Series: TypeAlias = Mapping[int, float]
"""Values by minute; a minute without a value is missing."""
Value: TypeAlias = "Series | float"

_REPEAT = "REPEAT"
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class UnknownMath(ValueError):
    """An expression that this evaluator does not know. The message shows the part."""


@cache
def names_in(expression: str) -> frozenset[str]:
    """The ids of the queries that it takes its values from."""
    nodes = list(ast.walk(_parse(expression)))
    functions = {
        node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return frozenset(names - functions - {_REPEAT})


def evaluate(expression: str, values: Mapping[str, Series], minutes: range) -> Series:
    """One value for each of `minutes`, less those that are missing. Raises UnknownMath."""
    result = _Evaluation(values, minutes).of(_parse(expression))
    if isinstance(result, float):
        raise UnknownMath(f"{expression}: a single number is no time series")
    return result


@cache
def _parse(expression: str) -> ast.expr:
    """The syntax is Python's, but for the words of logic."""
    text = expression.replace("&&", " and ").replace("||", " or ")
    text = re.sub(r"\b(AND|OR)\b", lambda word: word[0].lower(), text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as exc:
        raise UnknownMath(expression) from exc


class _Evaluation:
    def __init__(self, values: Mapping[str, Series], minutes: range) -> None:
        self._values, self._minutes = values, minutes

    def of(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._values:
                return {minute: v for minute, v in self._values[name].items() if minute in self._minutes}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _paired(operator.sub, 0.0, self.of(operand))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
                return _paired(_ARITHMETIC[type(sign)], self.of(left), self.of(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
                return _paired(_COMPARISONS[type(sign)], self.of(left), self.of(right))
            case ast.BoolOp(op=ast.And() | ast.Or() as sign, values=parts):
                return self._logic(
                    all if isinstance(sign, ast.And) else any, [self.of(part) for part in parts]
                )
            case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
                return self._fill(self.of(series), filler)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
                return _choose(self.of(condition), self.of(yes), self.of(no))
        raise UnknownMath(ast.unparse(node))

    def _logic(self, combine: Callable[[list[bool]], bool], parts: list[Value]) -> Value:
        series = [part for part in parts if not isinstance(part, float)]
        minutes = sorted({minute for part in series for minute in part})
        return {minute: float(combine([_at(part, minute) != 0 for part in parts])) for minute in minutes}

    def _fill(self, series: Value, filler: ast.expr) -> Series:
        if isinstance(series, float):
            raise UnknownMath("FILL of a single number")
        if isinstance(filler, ast.Name) and filler.id == _REPEAT:
            return self._repeat(series)
        value = self.of(filler)
        if not isinstance(value, float):
            raise UnknownMath("FILL with anything but a number or REPEAT")
        return {minute: series.get(minute, value) for minute in self._minutes}

    def _repeat(self, series: Series) -> Series:
        filled: dict[int, float] = {}
        last: float | None = None
        for minute in self._minutes:
            last = series.get(minute, last)
            if last is not None:
                filled[minute] = last
        return filled


def _at(value: Value, minute: int) -> float:
    return value if isinstance(value, float) else value.get(minute, 0.0)


def _paired(apply: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return float(apply(left, right))
    minutes = {minute for side in (left, right) if not isinstance(side, float) for minute in side}
    result = {}
    for minute in sorted(minutes):
        try:
            result[minute] = float(apply(_at(left, minute), _at(right, minute)))
        except ZeroDivisionError:
            continue
    return result


def _choose(condition: Value, yes: Value, no: Value) -> Series:
    if isinstance(condition, float):
        raise UnknownMath("IF of a single number")
    chosen = {}
    for minute, holds in condition.items():
        if holds:
            chosen[minute] = _at(yes, minute)
        else:
            chosen[minute] = no if isinstance(no, float) else no.get(minute, math.nan)
    return {minute: value for minute, value in chosen.items() if not math.isnan(value)}
