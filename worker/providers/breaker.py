"""Stops asking a provider that keeps failing, for a while. State and arithmetic only: no clock, no I/O.

Libraries were looked at: pybreaker, circuitbreaker and purgatory open for one fixed time, by a clock
of their own. None opens for as long as a Retry-After asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from core.errors import Failure

_RETRY_AFTER_CAP = 600.0
_OPENS_AT_ONCE: Mapping[Failure, float] = MappingProxyType({Failure.QUOTA: 300.0, Failure.AUTH: 60.0})
# The provider is well: it answered, only not as hoped.
_NOT_ITS_FAULT = frozenset({Failure.REJECTED, Failure.INVALID_ANSWER})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Circuit:
    """`failures` in a row; open until `open_until`; then `probe_until` says how long a probe is awaited."""

    failures: int = 0
    open_until: float | None = None
    probe_until: float | None = None


class Breaker:
    """One circuit for each name, in this process only. `now` is monotonic, in seconds.

    Closed: all calls pass. Open: none, for `open_seconds` after `failures` in a row, or for the time
    that a failure says. Then half-open: one call passes as a probe, and its outcome decides.
    """

    def __init__(self, failures: int = 5, open_seconds: float = 30) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._circuits: dict[str, _Circuit] = {}

    def wait(self, name: str, now: float) -> float:
        """Seconds until a call is allowed; 0 is leave to call now, and takes the probe if it is due.

        So ask only when the call follows. A probe that never reports back (its task was cancelled)
        is given up after `open_seconds`.
        """
        circuit = self._circuits.get(name, _Circuit())
        if circuit.open_until is None:
            return 0.0
        allowed_at = max(circuit.open_until, circuit.probe_until or circuit.open_until)
        if now < allowed_at:
            return allowed_at - now
        self._circuits[name] = replace(circuit, probe_until=now + self._open_seconds)
        return 0.0

    def succeeded(self, name: str) -> None:
        circuit = self._circuits.get(name, _Circuit())
        # While it is open, only a call that began before can succeed: that does not shorten the wait.
        if circuit.open_until is None or circuit.probe_until is not None:
            self._circuits.pop(name, None)

    def failed(self, name: str, failure: Failure, retry_after: float | None, now: float) -> None:
        """`retry_after` is what the provider asked for, in seconds; more than 600 counts as 600."""
        if failure in _NOT_ITS_FAULT:
            self.succeeded(name)
            return
        circuit = self._circuits.get(name, _Circuit())
        count = circuit.failures + 1
        seconds = _OPENS_AT_ONCE.get(failure, min(retry_after or 0.0, _RETRY_AFTER_CAP))
        if not seconds and (count >= self._limit or circuit.open_until is not None):
            seconds = self._open_seconds
        if not seconds:
            self._circuits[name] = replace(circuit, failures=count)
            return
        until = max(now + seconds, circuit.open_until or now)
        self._circuits[name] = _Circuit(failures=count, open_until=until)
