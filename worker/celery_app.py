"""Celery's settings and signals.

PostgreSQL is the truth and the sweeper sends again what Redis lost, so a message is a hint: late
acknowledgement and redelivery only make the hint come sooner.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from celery import Celery
from celery.concurrency import get_implementation
from celery.signals import (
    import_modules,
    setup_logging,
    worker_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from kombu import Queue

from core import log
from core.aws import secrets
from core.errors import ConfigError, SecretUnavailable
from core.queue import names
from core.settings import load
from worker import beat, broker, health
from worker.pool.parent import TaskPool

SOFT_LIMIT_SECONDS = 240
HARD_LIMIT_SECONDS = 300
_EXIT_SECONDS = 20
"""After the jobs are cancelled: to give them back, and to end the pool."""

broker.install()


def _configuration() -> dict[str, object]:
    """Called by Celery when it first needs a setting: importing the worker needs no environment."""
    try:
        settings = load()
        redis_url = secrets.redis_url(settings)
    except (ConfigError, SecretUnavailable) as exc:
        raise SystemExit(f"rootnote: {exc}") from None
    return {
        "broker_url": redis_url,
        # What a worker takes that is told no queues.
        "task_queues": [
            Queue(name) for name in (names.AI_ANALYSIS, names.METADATA_GENERATION, names.MAINTENANCE)
        ],
        "task_default_queue": names.AI_ANALYSIS,
        "task_routes": {
            names.ANALYSE_ERROR_EVENT: {"queue": names.AI_ANALYSIS},
            names.GENERATE_PROJECT_META: {"queue": names.METADATA_GENERATION},
            names.GENERATE_MISSING_METADATA_NIGHTLY: {"queue": names.MAINTENANCE},
            names.CLEANUP_OLD_METADATA: {"queue": names.MAINTENANCE},
            names.SWEEP: {"queue": names.MAINTENANCE},
            names.CANARY: {"queue": names.AI_ANALYSIS},
        },
        # For those tasks only whose caller may wait for what they return.
        "result_backend": redis_url,
        # One for all threads of a process: its client has a pool of connections.
        "result_backend_thread_safe": True,
        "result_expires": 3_600,
        "redis_socket_timeout": 5,
        "redis_socket_connect_timeout": 3,
        "redis_retry_on_timeout": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,
        "task_soft_time_limit": SOFT_LIMIT_SECONDS,
        "task_time_limit": HARD_LIMIT_SECONDS,
        "worker_pool": "worker.pool.parent:TaskPool",
        "worker_prefetch_multiplier": 1,
        # Celery's own soft shutdown sleeps out its whole time-out, whether or not a job is left;
        # `_leave_in_time` has the same effect and ends with the last job.
        "worker_soft_shutdown_timeout": 0,
        "worker_hijack_root_logger": False,
        # Flower, or `celery control enable_events`, turns them on: they are a third of what a task costs.
        "worker_send_task_events": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": 2 * HARD_LIMIT_SECONDS,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            # kombu's own default is to wait for ever on a connection that is half open.
            # The thread that takes messages waits so long for each connection that is stale.
            "socket_timeout": 3,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            # A BRPOP is given up when it is not answered for this long and a second.
            "health_check_interval": 5,
        },
        "timezone": "UTC",
        "enable_utc": True,
        **beat.configuration(redis_url, settings.sweep_interval),
    }


app = Celery("rootnote", amqp=broker.Amqp, include=["worker.tasks"])
app.add_defaults(_configuration)


@setup_logging.connect
def _set_up_logging(loglevel: int | str | None = None, **_: object) -> None:
    settings = load()
    levels = logging.getLevelNamesMapping()
    asked = loglevel if isinstance(loglevel, int) else levels.get(str(loglevel).upper(), logging.WARNING)
    # The more talkative of the setting and --loglevel, whose default is WARNING.
    level = logging.getLevelName(min(levels[settings.log_level], asked))
    log.configure(settings.log_format, level, service="worker")
    for chatty in ("celery.beat", "celery.worker.strategy", "celery.worker.request", "celery.app.trace"):
        logging.getLogger(chatty).addFilter(_is_not_a_sweep)


def _is_not_a_sweep(record: logging.LogRecord) -> bool:
    """A sweep or canary every few seconds that went well is no news."""
    said = record.getMessage()
    return record.levelno > logging.INFO or (names.SWEEP not in said and names.CANARY not in said)


@import_modules.connect
def _share_metrics(**_: object) -> None:
    """Sent just before the tasks, and with them the metrics, are imported."""
    health.share_metrics()


@worker_init.connect
def _take_as_many_as_there_are_seats(sender: Any, **_: object) -> None:
    """`sender` is the worker before it makes its parts. By Celery's account a process of the pool has one."""
    if issubclass(get_implementation(sender.pool_cls), TaskPool):
        sender.prefetch_multiplier *= load().jobs_per_process


@worker_init.connect
def _load_before_forking(**_: object) -> None:
    from worker.wiring import preload  # noqa: PLC0415  (beat needs none of it)

    preload(load())


@worker_init.connect
def _serve_metrics(**_: object) -> None:
    health.serve_metrics(load().worker_metrics_port)


@worker_shutting_down.connect
def _leave_in_time(how: str, **_: object) -> None:
    """SIGTERM waits for the jobs at hand, without end. SIGQUIT after the grace time cancels them."""
    if how == "Warm":
        timer = threading.Timer(load().shutdown_grace, os.kill, (os.getpid(), signal.SIGQUIT))
        timer.daemon = True
        timer.start()


@worker_process_shutdown.connect
def _close_process(pid: int, **_: object) -> None:
    from worker.wiring import close  # noqa: PLC0415  (a process that never worked need not load it)

    close()
    health.forget_process(pid)


@worker_ready.connect
def _sweep_at_once(**_: object) -> None:
    """After an outage, what waited need not wait for beat."""
    app.send_task(names.SWEEP, retry=False)


@worker_ready.connect
def _watch(sender: Any, **_: object) -> None:
    """`sender` is the worker's consumer."""
    from worker.watchdog import watch  # noqa: PLC0415  (beat has no consumer to watch)

    settings = load()
    watchdog = watch(
        sender, redis_url=app.conf.broker_url, leave_within=settings.shutdown_grace + _EXIT_SECONDS
    )
    worker_shutting_down.connect(lambda **_: watchdog.stop(), weak=False)


@worker_ready.connect
def _protect_while_working(**_: object) -> None:
    if agent_uri := load().ecs_agent_uri:
        from worker import protection  # noqa: PLC0415  (only ECS has an agent to ask)

        protection.start(agent_uri)
