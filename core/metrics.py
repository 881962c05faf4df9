"""Prometheus metrics of API and worker. Labels have few values: never a project, path or message."""

from __future__ import annotations

from prometheus_client import PLATFORM_COLLECTOR, REGISTRY, Counter, Gauge, Histogram

# It would tell whoever reads /metrics which Python this is, to the last digit.
REGISTRY.unregister(PLATFORM_COLLECTOR)

_MODEL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 240)

EVENTS_RECEIVED = Counter("rootnote_events_received_total", "Events accepted, by what follows", ["analysis"])
EVENTS_REFUSED = Counter("rootnote_events_refused_total", "Events refused, by status", ["status"])
QUOTA_REFUSED = Counter(
    "rootnote_quota_refused_total", "Events refused by a quota: the project's or the key's", ["quota"]
)
INGEST_SECONDS = Histogram(
    "rootnote_ingest_duration_seconds",
    "One ingest request, from parsed body to stored",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PUBLISH_FAILURES = Counter("rootnote_publish_failures_total", "Sends to Redis that the sweeper makes up for")

JOBS = Counter("rootnote_jobs_total", "Jobs worked, by kind and how they ended", ["kind", "outcome"])
JOB_SECONDS = Histogram(
    "rootnote_job_duration_seconds",
    "One claim of a job, whatever came of it",
    ["kind"],
    buckets=_MODEL_SECONDS,
)
JOBS_IN_PROGRESS = Gauge(
    "rootnote_jobs_in_progress", "Jobs being worked now", ["kind"], multiprocess_mode="livesum"
)
MODEL_CALLS = Counter("rootnote_llm_calls_total", "Model calls", ["provider", "model", "outcome"])
MODEL_SECONDS = Histogram(
    "rootnote_llm_call_duration_seconds", "One model call", ["provider"], buckets=_MODEL_SECONDS
)
MODEL_TOKENS = Counter(
    "rootnote_llm_tokens_total", "Tokens, as providers count them", ["provider", "direction"]
)
MODEL_COST = Counter("rootnote_llm_cost_usd_total", "Spent on models, in USD", ["provider"])
JOBS_LOST = Counter("rootnote_jobs_lost_total", "Leases that ran out: a worker died or hung")
WORKER_SILENCES = Counter(
    "rootnote_worker_silences_total",
    "Times that a worker found itself taking nothing though messages waited, by what it did then",
    ["step"],
)
JOBS_RESENT = Counter("rootnote_jobs_sent_by_sweeper_total", "Messages that the sweeper sent")
JOBS_BY_STATE = Gauge(
    "rootnote_jobs_current", "Jobs that wait, run, failed or died", ["state"], multiprocess_mode="mostrecent"
)
LAST_SWEEP = Gauge(
    "rootnote_last_sweep_timestamp_seconds", "When a sweep last ended", multiprocess_mode="mostrecent"
)
OLDEST_DUE_SECONDS = Gauge(
    "rootnote_jobs_oldest_due_seconds",
    "The longest that a due job has waited",
    multiprocess_mode="mostrecent",
)

META_GENERATED = Counter(
    "project_meta_generated_total", "Metadata generations that ended, by status", ["status"]
)
META_FAILURES = Counter(
    "project_meta_generation_failures_total", "Failures of metadata generation, by class", ["error_type"]
)
META_IN_PROGRESS = Gauge(
    "project_meta_generation_in_progress", "Metadata generations under way", multiprocess_mode="livesum"
)
META_SECONDS = Histogram(
    "project_meta_generation_duration_seconds", "One metadata generation", buckets=_MODEL_SECONDS
)
META_CONTENT_CHARS = Histogram(
    "project_meta_content_length_chars",
    "Characters of a project's text, before it is cut",
    buckets=(100, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000, 1_000_000),
)
META_TAGS = Histogram(
    "project_meta_tags_count", "Tags that were generated", buckets=(0, 1, 2, 3, 4, 5, 6, 8, 10)
)
META_SUMMARY_CHARS = Histogram(
    "project_meta_summary_length_chars",
    "Characters of a generated summary",
    buckets=(0, 50, 100, 150, 200, 300, 400, 500, 600),
)
