"""`logs`: what all functions and containers of an environment say, in one stream and in order of time."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

_POLL_SECONDS = 3.0
_LATE_MS = 30_000
"""A line may be found that much after others that are younger."""
_COLOURS = ("green", "cyan", "yellow", "magenta", "blue", "bright_green", "bright_cyan", "bright_magenta")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Line:
    at: int
    """Milliseconds since 1970."""
    source: str
    id: str
    text: str


def parse_since(text: str) -> timedelta:
    """`90s`, `10m`, `2h`, `7d`. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not match:
        raise ValueError("is a number with s, m, h or d, such as 10m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def show_logs(
    deployment: Deployment,
    *,
    since: timedelta,
    follow: bool,
    pattern: str,
    only: Sequence[str],
    now: Callable[[], float] = time.time,
) -> None:
    """Print what was said since then; with `follow`, go on until Ctrl-C. `pattern` is CloudWatch's kind."""
    prefix = f"/rootnote/{deployment.profile.environment}/"
    groups = _groups(deployment.aws.logs, prefix)
    if not groups:
        raise DeployError(
            f"there are no log groups {prefix}* in {deployment.aws.region}: "
            f"run `make deploy ENV={deployment.profile.name}` first"
        )
    names = {group: group.removeprefix(prefix) for group in groups}
    unknown = sorted(set(only) - set(names.values()))
    if unknown:
        raise DeployError(f"no log group {', '.join(unknown)}; there are: {', '.join(names.values())}")
    chosen = {group: name for group, name in names.items() if not only or name in only}
    printer = _Printer(deployment, list(names.values()))
    tail = _Tail(deployment.aws.logs, chosen, pattern)
    start = round((now() - since.total_seconds()) * 1000)
    while True:
        began = round(now() * 1000)
        for line in tail.read(start):
            printer.show(line)
        if not follow:
            return
        deployment.sleep(_POLL_SECONDS)
        start = max(start, began - _LATE_MS)


def _groups(logs: CloudWatchLogsClient, prefix: str) -> list[str]:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return [group.get("logGroupName", "") for page in pages for group in page["logGroups"]]


class _Tail:
    """Reads windows that overlap, and gives each line once."""

    def __init__(self, logs: CloudWatchLogsClient, names: dict[str, str], pattern: str) -> None:
        self._logs = logs
        self._names = names
        self._pattern = pattern
        self._seen: dict[str, int] = {}

    def read(self, start: int) -> Iterator[Line]:
        """All lines from `start` on that were not given before, the oldest first."""
        self._seen = {line: at for line, at in self._seen.items() if at >= start}
        for line in heapq.merge(*(self._of(group, start) for group in self._names)):
            if line.id not in self._seen:
                self._seen[line.id] = line.at
                yield line

    def _of(self, group: str, start: int) -> Iterator[Line]:
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=start, filterPattern=self._pattern
        )
        for page in pages:
            for event in page["events"]:
                yield Line(
                    at=event.get("timestamp", 0),
                    source=self._names[group],
                    id=event.get("eventId", ""),
                    text=event.get("message", "").rstrip(),
                )


class _Printer:
    def __init__(self, deployment: Deployment, names: Sequence[str]) -> None:
        self._console = deployment.console
        self._width = max(len(name) for name in names)
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}

    def show(self, line: Line) -> None:
        at = datetime.fromtimestamp(line.at / 1000, UTC)
        head = f"{at:%H:%M:%S}.{line.at % 1000:03} {line.source:<{self._width}} |"
        head = self._console.paint(head, fg=self._colours[line.source])
        for text in line.text.splitlines() or [""]:
            self._console.plain(f"{head} {text}")
