"""Containers of the image do a deployment's work: locked down as on Fargate, with real servers beside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.processes import Process
from infra.containers.engine import Engine
from infra.containers.image import Image
from tests.aws.image.containers import BEAT_HEALTH, HEALTH, WORK, Container, locked_down
from tests.aws.image.fargate import Fargate
from tests.e2e.program import wait_until
from tests.e2e.stack import new_event
from tests.fakes.running import ModelServer

pytestmark = pytest.mark.timeout(900)

_READY_SECONDS = 90


@pytest.fixture(scope="module")
def deployment(fargate: Fargate) -> dict[Process, Container]:
    """What ECS runs: the image's own command for the worker, and the two of the beat service."""
    maintain = (*WORK, "--queues=maintenance", "--concurrency=2", "-n", "maintenance@%h")
    started = {
        Process.WORKER: fargate.start(Process.WORKER),
        Process.MAINTENANCE: fargate.start(Process.MAINTENANCE, *maintain),
        Process.BEAT: fargate.start(Process.BEAT, "celery", "-A", "worker", "beat", "--loglevel=info"),
    }
    # Green means: a sweep was worked, a canary was taken, beat has ticked.
    fargate.stack.wait_until_ready(_READY_SECONDS)
    return started


def test_events_are_analysed(
    fargate: Fargate,
    deployment: dict[Process, Container],
    models: ModelServer,
    tell: Callable[[str], None],
) -> None:
    models.script("openai", then={"fault": "latency", "seconds": 1})
    # Enough for each process of the pool to have had its turn.
    answers = [fargate.stack.post(new_event()) for _ in range(6)]
    for answer in answers:
        assert fargate.stack.wait_for_analysis(answer["id"], 30)["analysis_text"]
    assert len(models.calls("openai")) == len(answers)
    for process, container in deployment.items():
        pss, rss = container.memory()
        tell(f"{process}: {pss / 1e6:.0f} MB (RSS of its processes added up: {rss / 1e6:.0f} MB)")
        assert pss < 400e6


def test_health_checks_are_green(deployment: dict[Process, Container]) -> None:
    for process, container in deployment.items():
        done = container.run(*(BEAT_HEALTH if process is Process.BEAT else HEALTH))
        assert (done.returncode, done.stderr) == (0, ""), process


@pytest.mark.parametrize("process", [Process.WORKER, Process.MAINTENANCE])
def test_a_worker_that_is_stuck_is_red_until_it_goes_on(
    deployment: dict[Process, Container], process: Process
) -> None:
    container = deployment[process]
    container.signal("STOP")
    try:
        done = container.run(*HEALTH)
    finally:
        container.signal("CONT")
    assert done.returncode == 1
    assert "TimeoutError" in done.stderr
    wait_until(lambda: container.run(*HEALTH).returncode == 0, 10, "the worker is well again")


def test_a_container_in_which_no_worker_runs_is_red(fargate: Fargate) -> None:
    container = fargate.start(Process.WORKER, "python", "-c", "import time; time.sleep(60)")
    done = container.run(*HEALTH)
    assert done.returncode == 1
    assert "ConnectionRefusedError" in done.stderr


@pytest.mark.parametrize(("owner", "code"), [(None, 0), ((0, 0), 1)], ids=["as the image says", "root"])
def test_the_image_says_who_owns_tmp(
    engine: Engine, image: Image, fargate: Fargate, owner: tuple[int, int] | None, code: int
) -> None:
    """The second shows that the first shows something: Fargate gives what no image speaks of to root."""
    options = (*locked_down(engine), "--no-healthcheck", f"--volume={fargate.volume(owner)}:/tmp")
    write = ("python", "-c", "import tempfile; tempfile.mkdtemp()")
    assert engine.attempt("run", "--rm", *options, image.tag, *write, seconds=60).returncode == code
