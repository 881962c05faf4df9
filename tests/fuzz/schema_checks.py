"""What schemathesis asks of each answer beyond the OpenAPI document; it loads this module by its name."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]
import schemathesis

API_PID = "FUZZ_API_PID"
MOST_CPU_SECONDS = 2.0
"""For one request. The system counts processor time in steps of 0.01 s."""


class _Clock:
    """The API's processor time between two looks."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._seen = self._now()

    def _now(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)

    def lap(self) -> float:
        before, self._seen = self._seen, self._now()
        return self._seen - before


@lru_cache(maxsize=1)
def _clock() -> _Clock:
    return _Clock(int(os.environ[API_PID]))


@schemathesis.check
def problems_are_problems(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Every error is problem+json that says its status and the request's id."""
    [request_id] = response.headers["x-request-id"]
    if not 400 <= response.status_code < 500 or not response.content:
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["request_id"] == request_id


@schemathesis.check
def costs_little(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Not how long it took, which other programs on the machine decide, but what it cost the API."""
    spent = _clock().lap()
    assert spent <= MOST_CPU_SECONDS, f"{spent:.2f} s of the API's processor time"
