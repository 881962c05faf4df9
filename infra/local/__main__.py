"""`make run`: PostgreSQL, Valkey, migrations, API, worker and beat on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from infra.local import preflight
from infra.local.console import Console
from infra.local.environment import Settings, development_token, read_settings, write_assignments
from infra.local.errors import LocalError
from infra.local.postgres import PostgresServer
from infra.local.process import free_port
from infra.local.service import Service
from infra.local.supervisor import Plan, Server, Supervisor, python
from infra.local.valkey import ValkeyServer
from infra.local.welcome import welcome

ROOT = Path(__file__).resolve().parents[2]
HELP_END = """\
PORT, DATABASE_URL, REDIS_URL, OPENAI_API_KEY, GEMINI_API_KEY and every other setting come from the
environment or .env. Data are kept in .local/; while this runs, .local/env holds API_URL,
DATABASE_URL, REDIS_URL and DEV_TOKEN for a shell. Ctrl-C stops all of it; a second one, at once.
"""


def main(argv: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Return the exit code: 0 when asked to stop, 1 when something was in the way, 2 for a wrong setting."""
    arguments = _parser().parse_args(argv)
    console = Console()
    try:
        preflight.check_python()
        settings = read_settings(root / ".env", os.environ)
        run(settings, root, servers_only=arguments.servers_only, console=console)
    except LocalError as error:
        console.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def run(settings: Settings, root: Path, *, servers_only: bool, console: Console) -> None:
    """Return when it was asked to stop."""
    local = root / ".local"
    preflight.prepare_folder(local)
    with preflight.one_run(local):
        if not servers_only:
            preflight.check_port(settings.port)
        token = settings.values.get("DEV_TOKEN") or development_token(local / "dev_token")
        plan = make_plan(settings, root, token=token, servers_only=servers_only)
        env_file = local / "env"
        # A run that was killed leaves its own behind, with ports that are gone.
        env_file.unlink(missing_ok=True)

        def ready(env: Mapping[str, str]) -> None:
            write_assignments(env_file, assignments(env))
            console.plain(welcome(env, env_file, servers_only=servers_only))

        try:
            Supervisor(plan, console).run(ready)
        finally:
            env_file.unlink(missing_ok=True)


def make_plan(settings: Settings, root: Path, *, token: str, servers_only: bool) -> Plan:
    local = root / ".local"
    servers: dict[str, tuple[str, Server]] = {}
    checks = []
    if settings.redis_url:
        checks.append(partial(preflight.check_redis, settings.redis_url))
    else:
        servers["REDIS_URL"] = ("valkey", ValkeyServer(local / "valkey"))
    if settings.database_url:
        checks.append(partial(preflight.check_database, settings.database_url))
    else:
        servers["DATABASE_URL"] = ("postgres", PostgresServer(local / "postgres"))
    env = environment(settings, token=token)
    return Plan(
        root=root,
        env=env,
        servers=servers,
        checks=checks,
        migrate=Service(name="migrate", argv=python("alembic", "upgrade", "head")),
        services=()
        if servers_only
        else services(settings.port, maintenance_metrics_port=env["MAINTENANCE_METRICS_PORT"]),
        ready_url=None if servers_only else f"http://127.0.0.1:{settings.port}/readyz",
    )


def environment(settings: Settings, *, token: str) -> dict[str, str]:
    """What the services get; the servers' URLs come on top."""
    ports = {name: str(free_port()) for name in ("WORKER_METRICS_PORT", "MAINTENANCE_METRICS_PORT")}
    defaults = {"AUTH": "off", "LOG_FORMAT": "console"} | ports
    given = {name: value for name, value in settings.values.items() if value or name not in defaults}
    fixed = {"DEV_TOKEN": token, "PORT": str(settings.port), "PYTHONUNBUFFERED": "1"}
    return defaults | given | fixed


def services(port: int, *, maintenance_metrics_port: str) -> tuple[Service, ...]:
    return (
        Service(name="api", argv=python("handlers.serve", "--host", "127.0.0.1", "--port", str(port))),
        _worker("worker", "ai_analysis,metadata_generation", {}),
        # Of its own, since the sweeper must not wait behind the jobs that it is to rescue.
        _worker("maint", "maintenance", {"WORKER_METRICS_PORT": maintenance_metrics_port}),
        Service(name="beat", argv=python("celery", "--quiet", "-A", "worker", "beat", "--loglevel=info")),
    )


def without_api(plan: Plan) -> tuple[Service, ...]:
    """For who runs the API elsewhere, and reads no metrics of workers, which are served to the network."""
    quiet = {"WORKER_METRICS_PORT": "0"}
    return tuple(replace(s, env={**s.env, **quiet}) for s in plan.services if s.name != "api")


def _worker(name: str, queues: str, env: Mapping[str, str]) -> Service:
    work = ("--loglevel=info", f"--queues={queues}", "--concurrency=2", f"--hostname={name}@%h")
    # Without these, a worker waits two seconds for company.
    alone = ("--without-mingle", "--without-gossip")
    return Service(
        name=name,
        argv=python("celery", "--quiet", "-A", "worker", "worker", *work, *alone),
        env={
            # Celery's seven lines on root are for servers; here root is a container's only user.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            # At a terminal nobody waits for long. What is cut off is given back.
            "SHUTDOWN_GRACE": "8",
            **env,
        },
        stop_phase=1,
        stop_seconds=15,
    )


def assignments(env: Mapping[str, str]) -> dict[str, str]:
    urls = {
        "API_URL": f"http://127.0.0.1:{env['PORT']}",
        "WORKER_METRICS_URL": f"http://127.0.0.1:{env['WORKER_METRICS_PORT']}/metrics",
        "MAINTENANCE_METRICS_URL": f"http://127.0.0.1:{env['MAINTENANCE_METRICS_PORT']}/metrics",
    }
    return urls | {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "DEV_TOKEN")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local",
        description="Run Rootnote on this machine: PostgreSQL, Valkey, migrations, API, worker and beat.",
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--servers-only",
        action="store_true",
        help="start PostgreSQL and Valkey, migrate, and leave API, worker and beat to you",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
