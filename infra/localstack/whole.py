"""`make localstack`: `make run`'s plan with LocalStack as a server, and a stack in uvicorn's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infra.local import preflight
from infra.local.__main__ import make_plan, without_api
from infra.local.admin_key import admin_key
from infra.local.console import Console
from infra.local.environment import Settings, write_assignments
from infra.local.errors import Lost
from infra.local.service import Service
from infra.local.supervisor import Plan, Supervisor, python
from infra.localstack import deploy
from infra.localstack.clients import client_environment
from infra.localstack.server import LocalStackServer
from infra.localstack.welcome import welcome

_READY_SECONDS = 120.0


class StartedOnce(LocalStackServer):
    """What was deployed is in its memory."""

    _was_started = False

    def start(self) -> None:
        """Raises Lost at the second time."""
        if self._was_started:
            raise Lost(f"LocalStack ended by itself, and the stack is gone with it; see {self.log}")
        super().start()
        self._was_started = True


def run(settings: Settings, root: Path, *, port: int | None, console: Console) -> None:
    """Return when it was asked to stop. Raises LocalError."""
    local = root / ".local"
    folder = local / "localstack"
    preflight.prepare_folder(local)
    folder.mkdir(exist_ok=True)
    env_file = folder / "env"
    with preflight.one_run(local):
        key = admin_key(folder / deploy.KEY_FILE)
        _forget(folder, env_file)
        server = StartedOnce(folder / "data", port=port)

        def ready(env: Mapping[str, str]) -> None:
            note = deploy.Note.read(folder)
            write_assignments(env_file, _assignments(env, note, key))
            console.plain(welcome(note, root=root, folder=folder, url=server.url, key=key))

        console.say("starting LocalStack, PostgreSQL and Valkey: half a minute on a busy machine")
        try:
            Supervisor(make_whole_plan(settings, root, folder, server), console).run(ready)
        finally:
            _forget(folder, env_file)


def make_whole_plan(settings: Settings, root: Path, folder: Path, server: LocalStackServer) -> Plan:
    """An account of the caller's own is left out of it."""
    values = {name: value for name, value in settings.values.items() if not name.startswith("AWS_")}
    given = replace(settings, values=values)
    plan = make_plan(given, root, token="", servers_only=False)  # nosec B106 # no API, no token
    return replace(
        plan,
        servers={**plan.servers, "AWS_ENDPOINT_URL": ("localstack", server)},
        # The address comes when LocalStack has one.
        env={**plan.env, **client_environment("")},
        migrate=Service(name="deploy", argv=python("infra.localstack.deploy", "--folder", str(folder))),
        services=without_api(plan),
        ready_url=lambda: f"{deploy.Note.read(folder).api_url}/readyz",
        ready_seconds=_READY_SECONDS,
    )


def _assignments(env: Mapping[str, str], note: deploy.Note, key: str) -> dict[str, str]:
    kept = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL")}
    return client_environment(env["AWS_ENDPOINT_URL"]) | kept | {"API_URL": note.api_url, "API_KEY": key}


def _forget(folder: Path, env_file: Path) -> None:
    """Remove the files that are there for others while it runs."""
    for path in (env_file, deploy.note_file(folder)):
        path.unlink(missing_ok=True)
