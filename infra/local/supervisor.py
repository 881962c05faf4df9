"""Starts servers, migrations and services, keeps them running, and stops all of it in order."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Any, Protocol
from urllib.parse import urlsplit

from infra.local.console import Console
from infra.local.errors import LocalError, Lost
from infra.local.service import (
    FIRST_DELAY,
    LONGEST_DELAY,
    KeptService,
    Service,
    ServiceProcess,
    describe_exit,
)

FAILED_STARTS = 3
READY_SECONDS = 90.0
STILL_WAITING_SECONDS = 5.0
POLL_SECONDS = 0.1


class Server(Protocol):
    """What `PostgresServer` and `ValkeyServer` have in common."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def is_alive(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`servers` maps the variable that names a server's URL to a name for people and the server.

    `checks` are run beside the servers' starts; `migrate`, which may deploy as
    well, ends before any of `services` starts. `ready_url`, asked for after
    that where it is a function, answers 200 once all is well; without one, all
    is well as soon as the services are started.
    """

    root: Path
    env: Mapping[str, str]
    servers: Mapping[str, tuple[str, Server]]
    checks: Sequence[Callable[[], None]] = ()
    migrate: Service | None = None
    services: Sequence[Service] = ()
    ready_url: str | Callable[[], str] | None = None
    ready_seconds: float = READY_SECONDS


class Stopped(Exception):
    """Somebody asked to stop before all was ready."""


class Supervisor:
    """Call from the main thread: signals arrive there."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self.plan = plan
        self.console = console
        self.env = dict(plan.env)
        self._stop = threading.Event()
        self._kept: list[KeptService] = []
        self._keepers: list[threading.Thread] = []
        self._migration: ServiceProcess | None = None
        self._lost: Lost | None = None

    def run(self, ready: Callable[[Mapping[str, str]], None]) -> None:
        """Return after a stop that was asked for; `ready` is told the environment of the services.

        LocalError when something does not start, Lost when a server could not go on.
        """
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup make run &` has it ignored, and means it.
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, self._on_signal)
        try:
            self._start()
            ready(self.env)
            while not self._stop.wait(POLL_SECONDS):
                pass
        except Stopped:
            pass
        finally:
            self._stop_all()
        if self._lost is not None:
            raise self._lost

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self._stop.is_set():
            self._stop.set()
            return
        for kept in self._kept:
            kept.kill()
        if self._migration is not None:
            self._migration.kill()
        for _, server in self.plan.servers.values():
            server.kill()

    def _start(self) -> None:
        began = time.monotonic()
        self._start_servers()
        self._run_migration()
        self._kept = [
            KeptService(service, start=self._spawn, console=self.console) for service in self.plan.services
        ]
        for kept in self._kept:
            kept.start()
        if self.plan.ready_url:
            names = ", ".join(kept.service.name for kept in self._kept)
            self.console.say(f"started {names}; waiting until all is ready")
            url = self.plan.ready_url
            self._wait_until_ready(url if isinstance(url, str) else url())
        self.console.say(f"ready in {time.monotonic() - began:.1f} s")

    def _start_servers(self) -> None:
        with ThreadPoolExecutor(thread_name_prefix="start") as pool:
            jobs: list[Future[None]] = [pool.submit(check) for check in self.plan.checks]
            jobs += [pool.submit(self._start_server, *named) for named in self.plan.servers.values()]
        for job in jobs:
            job.result()
        self._go_on()
        self.env |= {variable: server.url for variable, (_, server) in self.plan.servers.items()}
        for name, server in self.plan.servers.values():
            thread = threading.Thread(target=self._keep_server, args=(name, server), name=name, daemon=True)
            thread.start()
            self._keepers.append(thread)

    def _start_server(self, name: str, server: Server) -> None:
        began = time.monotonic()
        server.start()
        self.console.say(f"{name} ready in {time.monotonic() - began:.1f} s")

    def _keep_server(self, name: str, server: Server) -> None:
        delay = FIRST_DELAY
        while not self._stop.wait(POLL_SECONDS):
            if server.is_alive():
                continue
            self.console.complain(f"{name} ended; starting it again in {delay:g} s")
            if self._stop.wait(delay):
                return
            try:
                self._start_server(name, server)
                delay = FIRST_DELAY
            except Lost as error:
                self._lost = error
                self._stop.set()
            except LocalError as error:
                self.console.complain(str(error))
                delay = min(delay * 2, LONGEST_DELAY)

    def _run_migration(self) -> None:
        if self.plan.migrate is None:
            return
        began = time.monotonic()
        name = self.plan.migrate.name
        self._migration = self._spawn(self.plan.migrate)
        while not self._migration.stopped_within(POLL_SECONDS):
            self._go_on()
        code = self._migration.wait()
        self._migration = None
        if code:
            raise LocalError(f"{name} failed ({describe_exit(code)}); their output is above")
        self.console.say(f"{name} done in {time.monotonic() - began:.1f} s")

    def _spawn(self, service: Service) -> ServiceProcess:
        return ServiceProcess(service, env=self.env, cwd=self.plan.root, console=self.console)

    def _wait_until_ready(self, url: str) -> None:
        began = time.monotonic()
        deadline = began + self.plan.ready_seconds
        tell_at = time.monotonic() + STILL_WAITING_SECONDS
        while True:
            missing = _what_is_missing(url, within=time.monotonic() - began)
            if missing is None:
                return
            self._go_on()
            self._give_up_on_failing()
            now = time.monotonic()
            if now >= deadline:
                raise LocalError(f"not ready after {self.plan.ready_seconds:g} s: {missing}")
            if now >= tell_at:
                self.console.say(f"still waiting: {missing}")
                tell_at = now + STILL_WAITING_SECONDS
            self._stop.wait(POLL_SECONDS)

    def _give_up_on_failing(self) -> None:
        for kept in self._kept:
            if kept.exits >= FAILED_STARTS:
                said = "".join(f"\n  {line}" for line in kept.last_lines)
                raise LocalError(f"{kept.service.name} does not start; its last words:{said or ' none'}")

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _stop_all(self) -> None:
        self._stop.set()
        self.console.say("stopping (again to stop at once)" if self._kept else "stopping")
        if self._migration is not None:
            self._migration.ask_to_stop()
            if not self._migration.stopped_within(5):
                self._migration.kill()
            self._migration.wait()
        for phase in sorted({kept.service.stop_phase for kept in self._kept}):
            together = [kept for kept in self._kept if kept.service.stop_phase == phase]
            for kept in together:
                kept.ask_to_stop()
            asked = time.monotonic()
            for kept in together:
                kept.finish(asked + kept.service.stop_seconds)
        for thread in self._keepers:
            thread.join()
        with ThreadPoolExecutor(thread_name_prefix="stop") as pool:
            for _, server in self.plan.servers.values():
                pool.submit(server.stop)
        self.console.say("stopped")


def _what_is_missing(url: str, *, within: float) -> str | None:
    """None when it answers 200; otherwise a line on what is not ready.

    A sign of life from before the last `within` seconds is the last run's, and counts as none.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read(10_000)
    except (OSError, HTTPException):
        return "the API does not answer yet"
    finally:
        connection.close()
    checks = _checks(body)
    failed = [f"{n} ({c.get('error') or 'not yet'})" for n, c in checks.items() if not _is_well(c, within)]
    if failed:
        return ", ".join(failed)
    if response.status == 200:
        return None
    return body[:200].decode(errors="replace").replace("\n", " ") or f"the API says {response.status}"


def _checks(body: bytes) -> dict[str, dict[str, Any]]:
    """The checks in an answer of /readyz; none in any other answer."""
    try:
        return {name: dict(check) for name, check in json.loads(body)["checks"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_well(check: dict[str, Any], within: float) -> bool:
    return bool(check.get("ok")) and (check.get("seconds_ago") or 0) <= within


def python(*words: str) -> tuple[str, ...]:
    """The command line of a module under this Python."""
    return (sys.executable, "-m", *words)
