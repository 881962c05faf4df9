"""The machine's own faults: a clock that jumps, a disk that is full, an API that is killed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.e2e.program import wait_until
from tests.faults.fault import POOL, POSTGRES_SECONDS, SIGKILL_SECONDS, Fault, Unavailable
from tests.faults.scene import Scene

_STEP = "+3600"
_STEPPED_SECONDS = 10.0
_READY_SECONDS = 60.0
_WORKERS = ("worker", "maintenance")
_BACKLOG_SECONDS = 120.0
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"

_FULL_SECONDS = 10.0
_ROOM = 48 * 1_048_576
_CHUNK = bytes(1_048_576)

_KILLS = 3
_BETWEEN_SECONDS = 3.0


class _Clock:
    """A wall clock of one's own for those processes that are started with `environment`. Time that is
    measured, in place of told, is not touched."""

    def __init__(self, folder: Path) -> None:
        # PostgreSQL may run as another user, who has to read both.
        folder.chmod(0o755)
        package = find_spec("libfaketime")
        if package is None or package.origin is None:
            raise Unavailable("libfaketime is not installed")
        library = folder / "libfaketime.so.1"
        shutil.copyfile(Path(package.origin).parent / _LIBRARY, library)
        self._offset = folder / "offset"
        self.step("+0")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            # The offset is read anew after a second; at each look at the clock, it costs half of the worker.
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset: str) -> None:
        self._offset.write_text(f"{offset}\n")

    def check(self) -> None:
        """Raises Unavailable where a process of this machine cannot be given another time."""
        self.step(_STEP)
        done = subprocess.run(
            ["date", "+%s"], env=os.environ | self.environment, capture_output=True, text=True, check=False
        )
        self.step("+0")
        if done.returncode or abs(int(done.stdout) - time.time() - int(_STEP)) > 60:
            raise Unavailable(f"libfaketime does not work here: {done.stderr.strip()[:200] or 'no effect'}")


def _step_clock(scene: Scene, names: Sequence[str], *, of_postgres: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rootnote-clock-"))
    scene.undo.callback(shutil.rmtree, folder, ignore_errors=True)
    clock = _Clock(folder)
    clock.check()
    scene.undo.callback(_start_anew, scene, names, {}, of_postgres=of_postgres)
    _start_anew(scene, names, clock.environment, of_postgres=of_postgres)
    # What gathered meanwhile is not the clock's doing.
    started_at = time.time()
    wait_until(
        lambda: not scene.unfinished(made_before=started_at), _BACKLOG_SECONDS, "the start's backlog is done"
    )
    clock.step(_STEP)
    time.sleep(_STEPPED_SECONDS)


def _start_anew(
    scene: Scene, names: Sequence[str], environment: dict[str, str], *, of_postgres: bool
) -> None:
    workers = [name for name in names if name in _WORKERS]
    with scene.keeper.leaving(*names):
        for name in names:
            scene.program(name).terminate()
        for name in names:
            scene.program(name).wait(_READY_SECONDS)
        before = {name: _times_ready(scene, name) for name in workers}
        if of_postgres:
            scene.postgres.stop()
            scene.postgres.environment = environment
            scene.postgres.start()
        for name in names:
            scene.stack.launch(name, **environment)
        for name in workers:
            # /readyz remembers the last one's signs of life for half a minute.
            wait_until(
                lambda: _times_ready(scene, name) > before[name],  # noqa: B023
                _READY_SECONDS,
                f"{name} is ready",
            )
        scene.stack.wait_until_ready(_READY_SECONDS)


def _times_ready(scene: Scene, name: str) -> int:
    return scene.program(name).text().count(" ready.")


def _put_right(scene: Scene) -> None:
    """Only when nothing is left to do: what was put off by the wrong clock would wait for an hour."""
    wait_until(lambda: not scene.unfinished(), _READY_SECONDS, "no job is left")
    scene.undo.close()


def _fill_disk(scene: Scene) -> None:
    data = scene.postgres.data_dir
    if os.geteuid() != 0:
        raise Unavailable("only root may mount a small disk for PostgreSQL's data")
    used = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    scene.postgres.stop()
    try:
        _move_to_small_disk(scene, data, size=used + _ROOM)
    finally:
        scene.postgres.start()
    # All connected and at work again: a session that cannot even begin is but one of the ways to fail.
    time.sleep(_BETWEEN_SECONDS)
    scene.stack.wait_until_ready(_READY_SECONDS)
    ballast = data / "ballast"
    try:
        _write_until_full(ballast)
        time.sleep(_FULL_SECONDS)
    finally:
        ballast.unlink(missing_ok=True)
    # Without room for its log it ends; whoever makes room starts it again.
    scene.postgres.start()


def _move_to_small_disk(scene: Scene, data: Path, *, size: int) -> None:
    away = data.with_name("data.away")
    data.rename(away)
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", data],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        data.rmdir()
        away.rename(data)
        raise Unavailable(f"no small disk can be had: {mounted.stderr.strip()[:200]}")
    _copy(away, data)
    scene.undo.callback(_move_back, scene, data, away)


def _move_back(scene: Scene, data: Path, away: Path) -> None:
    scene.postgres.stop()
    shutil.rmtree(away)
    away.mkdir()
    _copy(data, away)
    subprocess.run(["umount", data], check=True)
    data.rmdir()
    away.rename(data)
    scene.postgres.start()


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, the folders' own too."""
    subprocess.run(["cp", "-a", f"{source}/.", f"{target}/"], check=True)


def _write_until_full(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        for chunk in (_CHUNK, _CHUNK[:4_096]):
            try:
                while True:
                    ballast.write(chunk)
            except OSError as exc:
                if exc.errno != errno.ENOSPC:
                    raise


def _kill_api(scene: Scene) -> None:
    for blow in range(_KILLS):
        if blow:
            time.sleep(_BETWEEN_SECONDS)
        scene.kill("api")


def _clock_fault(name: str, whose: str, *names: str, of_postgres: bool = False) -> Fault:
    return Fault(
        name=name,
        does=f"{whose} steps forward by an hour",
        strike=lambda scene: _step_clock(scene, names, of_postgres=of_postgres),
        bound=SIGKILL_SECONDS,
        window=POOL if of_postgres else 0,
        window_is="the calls under way in each process of the pool, whose lease has run out at once"
        if of_postgres
        else "none",
        afterwards=_put_right,
    )


FAULTS = (
    _clock_fault("clock-of-postgres", "PostgreSQL's clock", of_postgres=True),
    _clock_fault("clock-of-workers", "the clock of both workers", "worker", "maintenance"),
    _clock_fault("clock-of-api", "the API's clock", "api"),
    _clock_fault(
        "clock-of-all",
        "the clock of PostgreSQL, API, workers and beat",
        "api",
        "worker",
        "maintenance",
        "beat",
        of_postgres=True,
    ),
    Fault(
        name="disk-full",
        does=f"PostgreSQL's disk is full for {_FULL_SECONDS:.0f} s; who makes room starts it where it ended",
        strike=_fill_disk,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is="the calls under way in each process of the pool, whose answer could not be stored in time",
        afterwards=_put_right,
    ),
    Fault(
        name="api-killed",
        does=f"SIGKILL for the API in the middle of requests, {_KILLS} times",
        strike=_kill_api,
        bound=POSTGRES_SECONDS,
        may_restart=frozenset({"api"}),
    ),
)
