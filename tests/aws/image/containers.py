"""Containers of the worker's image, run as Fargate runs them, and what can be seen of them from outside."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from core.processes import GIVEN, Process
from infra.containers.engine import Engine, Kind
from tests.e2e.program import wait_until

MEMORY = "512m"
USER = 10001
STOP_SECONDS = 120
"""Fargate's longest, and what infra/worker.yaml asks for."""
HEALTH = ("python", "-I", "/app/worker/healthcheck.py")
BEAT_HEALTH = ("python", "-P", "/app/worker/healthcheck.py", "beat")
WORK = ("celery", "-A", "worker", "worker", "--loglevel=info")

_COMMAND_SECONDS = 60.0
_START_SECONDS = 60.0
_LONGEST_SECONDS = 600
_numbers = itertools.count(1)

# Run inside: /proc has the figures of those processes only that are its own.
_MEMORY = """
import os, pathlib, re
sums = {"Pss": 0, "Rss": 0}
for file in pathlib.Path("/proc").glob("[0-9]*/smaps_rollup"):
    if file.parent.name != str(os.getpid()):
        for name, size in re.findall(r"^(Pss|Rss): +([0-9]+) kB", file.read_text(), re.MULTILINE):
            sums[name] += int(size) * 1024
print(sums["Pss"], sums["Rss"])
"""


def environment(process: Process, values: Mapping[str, str]) -> dict[str, str]:
    """The settings that the process is given in AWS, no more and no less; blank where `values` has none."""
    return {name.upper(): values.get(name.upper(), "") for name in GIVEN[process]}


def locked_down(engine: Engine) -> list[str]:
    """What of ECS' and Fargate's way of running a container an engine can be told."""
    options = ["--network=host", "--read-only", "--cap-drop=ALL"]
    options += [f"--memory={MEMORY}", f"--memory-swap={MEMORY}", f"--stop-timeout={STOP_SECONDS}"]
    if engine.kind is Kind.PODMAN:
        # By itself podman would make /tmp, /run and /var/tmp writable; and should the tests be killed,
        # nothing of theirs is to run for ever.
        options += ["--read-only-tmpfs=false", f"--timeout={_LONGEST_SECONDS}"]
    return options


def fargate_volume(engine: Engine, image: str, parent: Path, owner: tuple[int, int]) -> Path:
    """A new, empty folder of `owner`'s with Fargate's mode 0755, made by a container as only root can."""
    program = f"import os; os.mkdir('/v/tmp', 0o755); os.chown('/v/tmp', {owner[0]}, {owner[1]})"
    make = ("python", "-I", "-c", program)
    options = ("--rm", "--network=host", "--no-healthcheck", "--user=0:0", f"--volume={parent}:/v")
    engine.call("run", *options, image, *make, seconds=_COMMAND_SECONDS)
    return parent / "tmp"


@dataclass(kw_only=True)
class Container:
    """Started when entered, removed when left, whatever became of it."""

    engine: Engine
    image: str
    tmp: Path
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"rootnote-test-{os.getpid()}-{next(_numbers)}")
    _cleaning: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        env = [word for name, value in self.env.items() for word in ("--env", f"{name}={value}")]
        named = ("--detach", f"--name={self.name}", "--no-healthcheck", f"--volume={self.tmp}:/tmp")
        self._cleaning.callback(self._remove)
        self._do("run", *named, *locked_down(self.engine), *env, self.image, *self.command)
        return self

    def __exit__(self, *_: object) -> None:
        self._cleaning.close()

    def logs(self) -> str:
        """Both streams, in the order of each."""
        done = self.engine.attempt("logs", self.name, seconds=_COMMAND_SECONDS)
        return done.stdout + done.stderr

    def wait_for(self, text: str, seconds: float = _START_SECONDS) -> None:
        def said() -> bool:
            assert self.state()["Running"], self.logs()
            return text in self.logs()

        wait_until(said, seconds, f"{self.name} says {text!r}")

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A command inside, as ECS runs health checks."""
        return self.engine.attempt("exec", self.name, *argv, seconds=_COMMAND_SECONDS)

    def state(self) -> dict[str, Any]:
        [found] = json.loads(self._do("container", "inspect", self.name))
        state: dict[str, Any] = found["State"]
        return state

    def memory(self) -> tuple[int, int]:
        """Bytes of all of its processes: PSS, which counts what is shared once, and RSS."""
        done = self.run("python", "-I", "-c", _MEMORY)
        pss, rss = done.stdout.split()
        return int(pss), int(rss)

    def signal(self, name: str) -> None:
        """To the container's first process, the worker's parent."""
        self._do("kill", f"--signal={name}", self.name)

    def stop(self) -> tuple[float, int]:
        """As ECS stops a task: SIGTERM, and SIGKILL after 120 s. The seconds it took, and the exit code."""
        began = time.monotonic()
        self.engine.call("stop", f"--time={STOP_SECONDS}", self.name, seconds=STOP_SECONDS + 30)
        return time.monotonic() - began, self.state()["ExitCode"]

    def _do(self, *words: str) -> str:
        return self.engine.call(*words, seconds=_COMMAND_SECONDS)

    def _remove(self) -> None:
        # `rm --force` alone would wait for what does not heed SIGTERM.
        for words in (("kill", "--signal=KILL"), ("rm", "--force")):
            self.engine.attempt(*words, self.name, seconds=_COMMAND_SECONDS)
