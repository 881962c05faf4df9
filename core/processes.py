"""The processes of a deployment, and the settings that each must be given there.

Infrastructure that starts one of these says exactly these settings, no more and no less; all else keeps
its default. `tests/infra` holds the AWS templates to it, so a setting that is missing on either side
fails a test and not a deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Process(StrEnum):
    API = "api"
    BUFFERED_EVENTS = "buffered_events"
    LOG_EVENTS = "log_events"
    BACKLOG_METRIC = "backlog_metric"
    MIGRATE = "migrate"
    WORKER = "worker"
    MAINTENANCE = "maintenance"
    BEAT = "beat"


_LOGS = {"log_level"}
_DATABASE = {"database_url", "database_secret", "database_pool_size"}
_REDIS = {"redis_url", "redis_secret"}
_STORE_AND_SEND = _LOGS | _DATABASE | _REDIS | {"deployment"}
_QUOTAS = {"ingest_rate_project", "ingest_rate_key"}
_MODELS = {
    "openai_api_key",
    "openai_base_url",
    "openai_model",
    "gemini_api_key",
    "gemini_model",
    "offline_analyser",
    "analysis_rate",
    "metadata_rate",
    "budget_day_usd",
    "budget_month_usd",
}

GIVEN: Mapping[Process, frozenset[str]] = {
    process: frozenset(names)
    for process, names in {
        Process.API: _STORE_AND_SEND
        | _QUOTAS
        | {"auth", "api_base_path", "cors_origins", "event_buffer_url", "next_public_show_ai_meta"},
        Process.BUFFERED_EVENTS: _STORE_AND_SEND | {"event_buffer_dead_letter_url"},
        Process.LOG_EVENTS: _STORE_AND_SEND | {"ingest_rate_project", "log_project_key", "own_log_groups"},
        Process.BACKLOG_METRIC: _STORE_AND_SEND | {"worker_concurrency", "jobs_per_process"},
        Process.MIGRATE: _LOGS | {"database_url", "database_secret"},
        Process.WORKER: _LOGS
        | _DATABASE
        | _REDIS
        | _MODELS
        | {"enable_sti", "jobs_per_process", "shutdown_grace", "worker_metrics_port"},
        Process.MAINTENANCE: _LOGS
        | _DATABASE
        | _REDIS
        | {
            "enable_sti",
            "shutdown_grace",
            "worker_metrics_port",
            "draft_days",
            "event_days",
            "job_days",
            "ledger_days",
        },
        # Beat asks the database for nothing, but no process starts without being told of it.
        Process.BEAT: _LOGS | _REDIS | {"database_url"},
    }.items()
}
