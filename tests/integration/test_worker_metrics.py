"""Metrics of several processes, some of which are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from prometheus_client import generate_latest

from tests.conftest import ROOT
from worker.health import living_registry

_WORK = """
import sys, time
from worker import health
health.share_metrics()
from core import metrics
metrics.JOBS_IN_PROGRESS.labels("analyse_group").inc()
metrics.JOBS.labels("analyse_group", "done").inc()
metrics.JOBS_LOST.inc(2)
print("working", flush=True)
time.sleep(60)
"""


def at_work(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK],
        cwd=ROOT,
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    return process


def test_counts_of_the_dead_stay_and_their_work_does_not(tmp_path: Path) -> None:
    processes = [at_work(tmp_path) for _ in range(2)]
    registry = living_registry(str(tmp_path))
    try:
        text = generate_latest(registry).decode()
        assert 'rootnote_jobs_in_progress{kind="analyse_group"} 2.0' in text
        os.kill(processes[0].pid, signal.SIGKILL)
        processes[0].wait()
        text = generate_latest(registry).decode()
        assert 'rootnote_jobs_in_progress{kind="analyse_group"} 1.0' in text
        assert 'rootnote_jobs_total{kind="analyse_group",outcome="done"} 2.0' in text
        assert "rootnote_jobs_lost_total 4.0" in text
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
