"""The measurement behind docs/scaling.md, with few events: it runs, and its figures are of the right size."""

from __future__ import annotations

from infra.simulation.capacity.measure import measure


def test_an_event_is_measured() -> None:
    said: list[str] = []
    measured = measure(400, said.append, groups=10)
    assert said
    for cost in (measured.single, measured.batched):
        assert cost.api_cpu_ms > 0
        assert cost.database_cpu_ms >= 0
        # At least the event itself is written ahead.
        assert cost.wal_bytes > measured.body_bytes
    assert measured.event_bytes > measured.body_bytes / 2
    assert measured.analysis_bytes > 500
    assert 300 < measured.message_bytes < 5_000
    assert measured.deleted_a_second > 0
