"""The worker's /metrics: one server in the parent, adding up all processes of the pool."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, multiprocess, start_http_server, values
from prometheus_client.metrics_core import Metric

logger = logging.getLogger(__name__)


_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics() -> None:
    """Make the metrics that are created from now on add up over the pool's processes.

    prometheus_client reads the variable at its own import, and Celery's command line may have
    imported it long before us (Flower is a plug-in of it), so the switch is set by hand as well.
    """
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="rootnote-metrics-")
        atexit.register(_remove, os.environ[_FOLDER], os.getpid())
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def serve_metrics(port: int) -> None:
    """On 0.0.0.0:`port`; 0: nowhere. A port that is taken costs the metrics, not the worker."""
    if port == 0:
        return
    try:
        start_http_server(port, registry=living_registry(_folder()))
    except OSError as exc:
        logger.warning("no metrics: port %d cannot be had", port, extra={"cause": exc.strerror})


def living_registry(folder: str) -> CollectorRegistry:
    """All processes' metrics added up; what killed processes were doing no longer counts."""
    registry = CollectorRegistry()
    _LivingCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return registry


class _LivingCollector(multiprocess.MultiProcessCollector):
    """A process that ends says so itself (`forget_process`); one that is killed cannot."""

    def collect(self) -> Iterable[Metric]:
        for file in Path(self._path).glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not _is_alive(pid):
                multiprocess.mark_process_dead(pid, path=self._path)  # type: ignore[no-untyped-call]
        found: Iterable[Metric] = super().collect()  # type: ignore[no-untyped-call]
        return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def forget_process(pid: int) -> None:
    """What a process that ended was doing must not be counted as going on."""
    multiprocess.mark_process_dead(pid, path=_folder())  # type: ignore[no-untyped-call]


def _folder() -> str:
    return os.environ[_FOLDER]
