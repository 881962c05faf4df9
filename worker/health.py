"""The worker's /metrics: one server in the parent, adding up all processes of the pool."""

from __future__ import annotations

import logging
import os

from prometheus_client import CollectorRegistry, multiprocess, start_http_server

logger = logging.getLogger(__name__)


def serve_metrics(port: int) -> None:
    """On 0.0.0.0:`port`; 0: nowhere. A port that is taken costs the metrics, not the worker."""
    if port == 0:
        return
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=_folder())  # type: ignore[no-untyped-call]
    try:
        start_http_server(port, registry=registry)
    except OSError as exc:
        logger.warning("no metrics: port %d cannot be had", port, extra={"cause": exc.strerror})


def forget_process(pid: int) -> None:
    """What a process that ended was doing must not be counted as going on."""
    multiprocess.mark_process_dead(pid, path=_folder())  # type: ignore[no-untyped-call]


def _folder() -> str:
    return os.environ["PROMETHEUS_MULTIPROC_DIR"]
