"""The supervisor as a process of its own, with real servers where needed and tiny fake services."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import pytest

from infra.local.process import free_port, port_is_taken
from tests.integration.local.running import Run, alive, wait_until

# argv: the folder; as JSON, a list of [name, code, stop phase] and the options.
RUNNER = """
import json, os, signal, sys
from pathlib import Path
from infra.local import preflight
from infra.local.console import Console
from infra.local.errors import LocalError, Lost
from infra.local.environment import write_assignments
from infra.local.postgres import PostgresServer
from infra.local.service import Service
from infra.local.supervisor import Plan, Supervisor
from infra.local.valkey import ValkeyServer

class StartedOnce(ValkeyServer):
    def start(self):
        if self.port:
            raise Lost("valkey ended, and its data with it")
        super().start()

folder, services, options = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
servers = {}
if options.get("servers"):
    servers = {
        "DATABASE_URL": ("postgres", PostgresServer(folder / "postgres", durable=False)),
        "REDIS_URL": ("valkey", ValkeyServer(folder / "valkey")),
    }
if options.get("once"):
    servers = {"REDIS_URL": ("valkey", StartedOnce(folder / "valkey"))}
fakes = [
    Service(name=name, argv=(sys.executable, "-c", code), stop_phase=phase, stop_seconds=1.5)
    for name, code, phase in services
]
plan = Plan(
    root=folder,
    env=os.environ,
    servers=servers,
    migrate=fakes.pop(0) if options.get("migrate") else None,
    services=fakes,
    ready_url=options.get("ready_url"),
    ready_seconds=20,
)
console = Console()
try:
    with preflight.one_run(folder):
        Supervisor(plan, console).run(lambda env: write_assignments(folder / "env", dict(env)))
except LocalError as error:
    console.complain(str(error))
    sys.exit(error.exit_code)
"""

SLEEP = "import time; print('up', flush=True); time.sleep(100)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
GOODBYE = """
import signal, sys, time
def stop(*_):
    print('bye', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print('up', flush=True)
time.sleep(100)
"""
# A worker and its pool: the child ignores what its parent obeys.
POOL = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
print('up', flush=True)
time.sleep(100)
"""
API = """
import http.server, json, os
class Ready(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Ready.asked += 1
        self.send_response(200 if Ready.asked > 2 else 503)
        self.end_headers()
        # At first down, then with a sign of life that a run long ago left, and at last well.
        worker = {"ok": Ready.asked > 2, "seconds_ago": 1e6 if Ready.asked < 5 else 0}
        self.wfile.write(json.dumps({"checks": {"worker": worker}}).encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready).serve_forever()
"""


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def start_fakes(
        *services: tuple[str, str, int], env: dict[str, str] | None = None, **options: object
    ) -> Run:
        argv = ["-c", RUNNER, str(tmp_path), json.dumps(services), json.dumps(options)]
        runs.append(Run(argv, env=env))
        return runs[-1]

    yield start_fakes
    for run in runs:
        run.process.kill()
        run.exit_code()


def test_all_of_it_starts_is_ready_and_stops_in_order(start: Start, tmp_path: Path) -> None:
    port = free_port()
    run = start(
        ("migrate", "import os; print('to', os.environ['DATABASE_URL'])", 0),
        ("worker", GOODBYE, 1),
        ("api", API, 0),
        ("beat", GOODBYE, 0),
        env={"PORT": str(port)},
        servers=True,
        migrate=True,
        ready_url=f"http://127.0.0.1:{port}/readyz",
    )
    run.wait_for("run     | ready in")
    wait_until((tmp_path / "env").exists)
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    children = run.descendants()
    assert len(children) > 5
    assert run.end(signal.SIGTERM) == 0
    assert not [child for child in children if alive(child)]
    assert not port_is_taken(port)
    order = [run.lines.index(line) for line in ("beat    | bye", "worker  | bye", "run     | stopped")]
    assert order == sorted(order)
    assert any(line.startswith("migrate | to postgresql://rootnote@127.0.0.1:") for line in run.lines)
    assert not run.saw("ended")


def test_ctrl_c_on_the_whole_group_reaches_the_supervisor_alone(start: Start) -> None:
    run = start(("api", GOODBYE, 0), ("worker", POOL, 1))
    run.wait_for("api     | up")
    run.wait_for("worker  | up", times=2)
    children = run.descendants()
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.exit_code() == 0
    assert not [child for child in children if alive(child)]
    assert run.saw("api     | bye")
    assert not run.saw("KeyboardInterrupt")


def test_what_ignores_a_polite_signal_is_killed_in_time(start: Start) -> None:
    run = start(("worker", STUBBORN, 1))
    run.wait_for("worker  | up")
    children = run.descendants()
    began = time.monotonic()
    assert run.end(signal.SIGHUP) == 0
    assert 1 < time.monotonic() - began < 5
    assert run.saw("worker did not stop in time")
    assert not [child for child in children if alive(child)]


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    run = start(("worker", STUBBORN, 1), ("api", STUBBORN, 0), servers=True)
    run.wait_for("| up", times=2)
    children = run.descendants()
    run.process.send_signal(signal.SIGINT)
    run.wait_for("run     | stopping")
    began = time.monotonic()
    assert run.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 1.5
    wait_until(lambda: not [child for child in children if alive(child)])


def test_a_service_that_ends_is_started_again_later_and_later(start: Start) -> None:
    run = start(("beat", "print('up', flush=True); raise SystemExit(3)", 0))
    run.wait_for("beat ended (exit code 3); starting it again in 1 s")
    run.wait_for("beat ended (exit code 3); starting it again in 2 s")
    assert run.saw("beat    | up", times=2)
    assert run.end() == 0


def test_a_service_that_never_starts_is_the_end(start: Start) -> None:
    run = start(
        ("worker", GOODBYE, 0),
        ("api", "raise SystemExit('no module named handlers')", 0),
        ready_url=f"http://127.0.0.1:{free_port()}/readyz",
    )
    assert run.exit_code() == 1
    text = "\n".join(run.lines)
    assert "api does not start; its last words:\n  no module named handlers" in text
    assert run.saw("worker  | bye")


def test_failed_migrations_stop_all_of_it(start: Start) -> None:
    run = start(
        ("migrate", "raise SystemExit('bad revision')", 0), ("api", SLEEP, 0), servers=True, migrate=True
    )
    assert run.exit_code() == 1
    assert run.saw("migrate | bad revision")
    assert run.saw("migrate failed (exit code 1)")
    assert not run.saw("api     | up")


def test_a_signal_during_the_start_stops_it(start: Start) -> None:
    run = start(("migrate", SLEEP, 0), ("api", SLEEP, 0), servers=True, migrate=True)
    run.wait_for("migrate | up")
    children = run.descendants()
    assert run.end() == 0
    assert not run.saw("api     | up")
    assert not [child for child in children if alive(child)]


def test_a_killed_server_comes_back_on_its_port(start: Start, tmp_path: Path) -> None:
    run = start(servers=True)
    run.wait_for("ready in", times=3)
    before = {process.pid: process.name() for process in psutil.Process(run.process.pid).children()}
    for pid, name in before.items():
        if name in ("postgres", "valkey-server"):
            os.kill(pid, signal.SIGKILL)
    run.wait_for("postgres ready in", times=2)
    run.wait_for("valkey ready in", times=2)
    ports = [int(line.rpartition(":")[2].partition("/")[0]) for line in env_lines(tmp_path)]
    assert len(ports) == 2
    assert all(port_is_taken(port) for port in ports)
    assert run.end() == 0
    assert not any(port_is_taken(port) for port in ports)


def test_a_server_that_cannot_come_back_is_the_end(start: Start) -> None:
    run = start(("worker", GOODBYE, 0), once=True)
    run.wait_for("worker  | up")
    for child in psutil.Process(run.process.pid).children():
        if child.name() == "valkey-server":
            child.kill()
    assert run.exit_code() == 1
    assert run.saw("valkey ended, and its data with it")
    assert run.saw("worker  | bye")


def test_killing_the_supervisor_leaves_nothing_and_the_next_one_starts(start: Start) -> None:
    first = start(("worker", POOL, 1), ("api", GOODBYE, 0), servers=True)
    first.wait_for("worker  | up", times=2)
    children = first.descendants()
    assert len(children) > 5
    first.end(signal.SIGKILL)
    second = start(("api", GOODBYE, 0), servers=True)
    second.wait_for("api     | up")
    assert not [child for child in children if alive(child)]
    assert second.end() == 0


def test_two_in_one_checkout_do_not_fight(start: Start) -> None:
    first = start(("api", GOODBYE, 0))
    first.wait_for("api     | up")
    second = start(("api", GOODBYE, 0))
    assert second.exit_code() == 1
    assert second.saw(f"another `make run` (pid {first.process.pid}) is running in this checkout")
    assert first.end() == 0


def env_lines(folder: Path) -> list[str]:
    names = ("DATABASE_URL=", "REDIS_URL=")
    return [line for line in (folder / "env").read_text().splitlines() if line.startswith(names)]
