"""CloudWatch's embedded metric format, as its specification asks for it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

_DAY = 86_400_000
_PAST, _FUTURE = 14 * _DAY, _DAY // 12
_AMOUNTS = frozenset(
    prefix + unit for prefix in ("", "Kilo", "Mega", "Giga", "Tera") for unit in ("bytes", "bits")
) - {"bytes", "bits"} | {"Bytes", "Bits", "Count"}
UNITS = (
    _AMOUNTS
    | {f"{unit}/Second" for unit in _AMOUNTS}
    | {"Seconds", "Milliseconds", "Microseconds", "Percent", "None"}
)


def problems(line: str) -> list[str]:
    """Everything for which CloudWatch would leave out a metric of this log line; none: all are taken."""
    try:
        root = json.loads(line)
    except ValueError:
        return ["not one JSON object"]
    if not isinstance(root, dict) or not isinstance(root.get("_aws"), dict):
        return ["no object _aws"]
    return list(_of_metadata(root["_aws"], root))


def dimensions(line: str) -> list[dict[str, str]]:
    """Of each directive's each set, the names with their values."""
    root = json.loads(line)
    return [
        {name: root[name] for name in names}
        for directive in root["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
    ]


def values(line: str) -> dict[str, list[float]]:
    """The metrics by name; several values are several samples."""
    root = json.loads(line)
    return {
        metric["Name"]: value if isinstance(value := root[metric["Name"]], list) else [value]
        for directive in root["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def is_emf(line: str) -> bool:
    return '"_aws"' in line


def _of_metadata(aws: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    at, now = aws.get("Timestamp"), time.time() * 1_000
    if not isinstance(at, int) or not now - _PAST <= at <= now + _FUTURE:
        yield f"Timestamp {at}: milliseconds, at most 14 days ago and 2 hours ahead"
    directives = aws.get("CloudWatchMetrics")
    if not isinstance(directives, list) or not directives:
        yield "CloudWatchMetrics: a list of directives"
        return
    for directive in directives:
        if not _is_text(directive.get("Namespace"), 1_024):
            yield f"Namespace {directive.get('Namespace')!r}"
        yield from _of_dimensions(directive.get("Dimensions"), root)
        yield from _of_metrics(directive.get("Metrics"), root)


def _of_dimensions(sets: Any, root: dict[str, Any]) -> Iterator[str]:
    if not isinstance(sets, list) or not sets:
        yield "Dimensions: a list of lists"
        return
    for names in sets:
        if not isinstance(names, list) or len(names) > 30:
            yield f"Dimensions {names!r}: a list of at most 30"
            continue
        for name in names:
            if not _is_text(name, 250):
                yield f"dimension {name!r}"
            elif not _is_text(root.get(name), 1_024):
                yield f"dimension {name}: {root.get(name)!r} is no text of 1 to 1024"


def _of_metrics(metrics: Any, root: dict[str, Any]) -> Iterator[str]:
    if not isinstance(metrics, list) or not 0 < len(metrics) <= 100:
        yield "Metrics: a list of 1 to 100"
        return
    for metric in metrics:
        name = metric.get("Name")
        if not _is_text(name, 1_024):
            yield f"metric {name!r}"
            continue
        if metric.get("Unit", "None") not in UNITS:
            yield f"{name}: unit {metric['Unit']!r}"
        if metric.get("StorageResolution", 60) not in {1, 60}:
            yield f"{name}: resolution {metric['StorageResolution']!r}"
        if not _is_value(root.get(name)):
            yield f"{name}: {root.get(name)!r} is no number, nor 1 to 100 of them"


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= most


def _is_value(value: Any) -> bool:
    numbers = value if isinstance(value, list) else [value]
    return 0 < len(numbers) <= 100 and all(
        isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        for number in numbers
    )
