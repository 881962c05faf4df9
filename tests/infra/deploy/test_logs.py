"""`logs`: all log groups in one stream."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.deploy.__main__ import main
from infra.deploy.cli import Start
from infra.deploy.logs import parse_since
from tests.infra.deploy.account import Account
from tests.infra.deploy.conftest import Run

Json = Mapping[str, Any]


class Logs:
    """Two groups; a page is two events."""

    def __init__(self, account: Account) -> None:
        self.base = round(time.time() * 1000) - 20_000
        self.lines = {
            "worker": [(0, "w0"), (20, "w20"), (30, "two\nlines\n")],
            "api": [(10, "a10"), (25, "a25")],
        }
        account.aws.operations |= {
            "logs.DescribeLogGroups": self._groups,
            "logs.FilterLogEvents": self._events,
        }

    def _groups(self, given: Json) -> Json:
        prefix = given["logGroupNamePrefix"]
        return {"logGroups": [{"logGroupName": f"{prefix}{name}"} for name in self.lines]}

    def _events(self, given: Json) -> Json:
        name = given["logGroupName"].rpartition("/")[2]
        wanted = given.get("filterPattern", "")
        found = [
            {"timestamp": self.base + at, "eventId": f"{name}{at}", "message": text}
            for at, text in self.lines[name]
            if wanted in text and self.base + at >= given["startTime"]
        ]
        first = int(given.get("nextToken", "0"))
        more = {"nextToken": str(first + 2)} if found[first + 2 :] else {}
        return {"events": found[first : first + 2], **more}


@pytest.fixture
def logs(account: Account) -> Logs:
    return Logs(account)


def test_lines_of_all_groups_come_in_order_of_time(run: Run, logs: Logs) -> None:
    done = run("logs", "--env", "staging", "--since", "2h")
    assert done.code == 0, done.err
    assert [line.partition(" ")[2] for line in done.out.splitlines()] == [
        "worker | w0",
        "api    | a10",
        "worker | w20",
        "api    | a25",
        "worker | two",
        "worker | lines",
    ]
    first = datetime.fromtimestamp(logs.base / 1000, UTC)
    assert done.out.startswith(f"{first:%H:%M:%S}.{logs.base % 1000:03} worker | w0\n")


def test_a_pattern_and_one_function(run: Run, account: Account, logs: Logs) -> None:
    assert run("logs", "--env", "staging", "--filter", "5").out.endswith("api    | a25\n")
    assert "w20" not in run("logs", "--env", "staging", "--only", "api").out
    assert "no log group apy; there are: worker, api" in run("logs", "--env", "staging", "--only", "apy").err


def test_following_gives_each_line_once_and_late_ones_too(
    run: Run, account: Account, logs: Logs, checkout: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    looks = 0

    def later(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise KeyboardInterrupt
        logs.lines["api"].insert(1, (12, "late"))
        logs.lines["api"].append((40, "new"))

    code = main(("logs", "--env", "staging", "--follow"), start=Start(root=checkout, sleep=later))
    out = capfd.readouterr().out
    assert code == 130
    texts = [line.partition("| ")[2] for line in out.splitlines()]
    assert texts[6:] == ["late", "new"]
    starts = [call.given["startTime"] for call in account.aws.journal if call.what == "logs.FilterLogEvents"]
    assert starts[-1] > starts[0]


def test_no_groups_is_said(run: Run, logs: Logs) -> None:
    logs.lines = {}
    assert (
        "there are no log groups /rootnote/staging/* in eu-central-1" in run("logs", "--env", "staging").err
    )


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("7d", 604_800)])
def test_since(text: str, seconds: int) -> None:
    assert parse_since(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "1w", "-5m", "9999999d"])
def test_a_wrong_since(run: Run, text: str) -> None:
    done = run("logs", "--env", "staging", "--since", text)
    assert (done.code, "such as 10m" in done.err) == (2, True)
