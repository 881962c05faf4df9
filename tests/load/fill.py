"""A database as months of use leave it: events, groups, analyses, jobs and the ledger, in realistic shares.

Made inside the server, so that a million events take about a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

PROJECTS = 8
DAYS = 100
"""Events are spread over so many, and the oldest tenth is past the default retention of 90."""

# Project 0 has half of the groups, and every tenth event is of one hot group, in project 1.
_STATEMENTS = (
    """
INSERT INTO projects (id, key, title, content)
SELECT md5('project' || n)::uuid, 'load-' || n, 'Shop ' || n, 'A shop, number ' || n
FROM generate_series(0, %(projects)s - 1) AS n
""",
    """
INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title, first_seen)
SELECT md5('group' || n)::uuid,
       md5('project' || CASE WHEN n = 1 THEN 1 WHEN n %% 2 = 0 THEN 0
                             ELSE 1 + n / 2 %% (%(projects)s - 1) END)::uuid,
       'load-' || n, 1, 'TimeoutError in pay_' || n,
       now() - (%(groups)s - n) * %(days)s * interval '1 day' / %(groups)s
FROM generate_series(0, %(groups)s - 1) AS n
""",
    # An event's group is one of those that there were by then.
    """
INSERT INTO error_events (id, project_id, group_id, event_key, status_code, payload, occurred_at,
                          received_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(n %% 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid,
       g.project_id, g.id, CASE WHEN n %% 5 = 0 THEN 'key-' || n END,
       CASE WHEN n %% 10 = 3 THEN 404 ELSE 500 END,
       jsonb_build_object('message', 'Payment of order ' || n || ' failed', 'path', '/api/orders/' || n,
                          'method', 'POST', 'environment', 'production', 'stack', repeat(md5(n::text), 16)),
       at, at
FROM (SELECT n, now() - (%(events)s - n) * %(days)s * interval '1 day' / %(events)s AS at,
             CASE WHEN n %% 10 = 0 THEN 1
                  ELSE ((n * 7919::bigint) %% (1 + n * %(groups)s / %(events)s)) END AS number
      FROM generate_series(0::bigint, %(events)s - 1) AS n) AS made
JOIN error_groups g ON g.id = md5('group' || number)::uuid
ORDER BY n
""",
    """
INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,
                            prompt_version, reused_from, created_at)
SELECT e.id, e.group_id, repeat('Likely cause: a time-out. ', 20), 'gpt', 0.7, '{"root_cause": "a time-out"}',
       'analysis-1', nullif(first_value(e.id) OVER (PARTITION BY e.group_id ORDER BY e.id), e.id),
       e.received_at
FROM error_events e WHERE e.status_code >= 500
""",
    # A thousandth of the jobs wait to be sent and as many are retries that are not due yet.
    """
INSERT INTO jobs (id, kind, subject_id, version, project_id, state, reason, attempts, due_at, lease_until,
                  sent_at, created_at, finished_at)
SELECT md5('job' || n)::uuid, 'analyse_group', g.id, 'analysis-1', g.project_id, state,
       CASE WHEN state = 'skipped' THEN 'budget' END, 1,
       CASE WHEN state = 'queued' AND n %% 1000 > 6 OR state = 'skipped' THEN now() + interval '1 hour'
            ELSE g.first_seen END,
       CASE WHEN state = 'running' THEN now() + interval '30 minutes' END, NULL, g.first_seen,
       CASE WHEN state NOT IN ('queued', 'running') THEN g.first_seen END
FROM (SELECT n, CASE n %% 1000 WHEN 5 THEN 'queued' WHEN 6 THEN 'queued' WHEN 7 THEN 'queued'
                  WHEN 8 THEN 'failed' WHEN 9 THEN 'dead' WHEN 10 THEN 'skipped' WHEN 11 THEN 'running'
                  ELSE 'done' END AS state
      FROM generate_series(0, %(groups)s - 1) AS n) AS made
JOIN error_groups g ON g.id = md5('group' || n)::uuid
""",
    """
INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,
                       completion_tokens, cost_usd, latency_ms, outcome, created_at)
SELECT (lpad(to_hex((extract(epoch FROM j.created_at) * 1000)::bigint), 12, '0') || '70008'
        || substr(md5(j.id::text), 1, 15))::uuid,
       j.id, j.project_id, 'openai', 'gpt', 900, 0, 300, 0.0004, 4000, 'ok', j.created_at
FROM jobs j WHERE j.state = 'done'
""",
)

_SAMPLE = """
SELECT md5('project0')::uuid, md5('project3')::uuid, md5('group1')::uuid,
       (SELECT id FROM error_groups ORDER BY first_seen DESC OFFSET 3 LIMIT 1),
       (SELECT received_at FROM error_events ORDER BY received_at OFFSET %(middle)s LIMIT 1),
       (SELECT id FROM jobs WHERE state = 'done' LIMIT 1)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What queries are asked about. `deep`: when half of the events had come."""

    noisy: UUID
    quiet: UUID
    hot_group: UUID
    small_group: UUID
    deep: datetime
    job: UUID


def fill(url: str, events: int, *, events_a_group: int = 50) -> Sample:
    """Into a migrated, empty database."""
    groups = max(PROJECTS, events // events_a_group)
    sizes = {"events": events, "groups": groups, "projects": PROJECTS, "days": DAYS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET work_mem = '256MB'")
        for statement in _STATEMENTS:
            connection.execute(statement, sizes)
        # As autovacuum would have by now.
        connection.execute(
            "VACUUM ANALYZE error_events, error_groups, error_analysis, jobs, llm_calls, projects"
        )
        row = connection.execute(_SAMPLE, {"middle": events // 2}).fetchone()
    if row is None:
        raise AssertionError("a SELECT of scalars always gives a row")
    noisy, quiet, hot_group, small_group, deep, job = row
    return Sample(noisy=noisy, quiet=quiet, hot_group=hot_group, small_group=small_group, deep=deep, job=job)
