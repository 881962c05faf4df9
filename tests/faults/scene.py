"""A running Rootnote with servers of its own that may be stopped, and whoever starts again what ended."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg

from infra.local.postgres import PostgresServer
from infra.local.server import EmbeddedServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.e2e.program import Program, wait_until
from tests.e2e.stack import Row, Stack
from tests.fakes.running import ModelServer, running_model_server
from tests.faults.proxy import Proxy
from tests.faults.words import words

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # Those that recovery depends on are a deployment's own.
        "LEASE": "30",
        "SWEEP_INTERVAL": "5",
        "RESEND_AFTER": "15",
        # Retries and time-outs are a few seconds in place of minutes.
        "RETRY_BASE": "4",
        "RETRY_FACTOR": "3",
        "LLM_CALL_TIMEOUT": "5",
        # What a model answered is what counts here, and how often it was asked.
        "OFFLINE_ANALYSER": "false",
        "METADATA_RATE": "",
        # See `fault.PROCESS`.
        "JOBS_PER_PROCESS": "4",
        "OPENAI_API_KEY": "sk-faults-openai-key",
        "GEMINI_API_KEY": "faults-gemini-key",
        "GEMINI_SDK": "google-genai",
    }
)
THINKING: Mapping[str, object] = {"fault": "latency", "seconds": 0.2}
"""How both models answer when all is well."""
PROGRAMS = ("api", "worker", "maintenance", "beat")
_RESTART_SECONDS = 1.0
_READY_SECONDS = 90.0
_QUERY_SECONDS = 60.0
_POLL_SECONDS = 0.2


class Keeper:
    """Starts again what ended, as ECS, Compose or Kubernetes do, and counts it by name."""

    def __init__(self, stack: Stack) -> None:
        self.restarts: Counter[str] = Counter()
        self._stack = stack
        self._left_alone: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    @contextlib.contextmanager
    def leaving(self, *names: str) -> Iterator[None]:
        """Meanwhile, nobody starts these."""
        with self._lock:
            self._left_alone |= set(names)
        yield
        with self._lock:
            self._left_alone -= set(names)

    def look(self) -> None:
        with self._lock:
            for name, program in tuple(self._stack.programs.items()):
                if name not in self._left_alone and not program.is_alive():
                    self.restarts[name] += 1
                    self._stack.launch(name)

    def _keep(self) -> None:
        while not self._stopping.wait(_RESTART_SECONDS):
            self.look()


class Scene:
    """Use it as a context. The programs reach both servers through proxies; what looks at the outcome asks
    the servers themselves."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] = SETTINGS) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres" / "data")
        self.valkey = ValkeyServer(folder / "valkey" / "data")
        self.to_postgres: Proxy
        self.to_valkey: Proxy
        self.models: ModelServer
        self.stack: Stack
        self.keeper: Keeper
        self.excused: set[UUID] = set()
        """Subjects of jobs whose end is not waited for, and which may be dead."""
        self.undo = contextlib.ExitStack()
        """What a fault leaves behind that the next one must not find."""
        self.probe_words = words()
        self._settings = dict(settings)
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Scene:
        with contextlib.ExitStack() as opened:
            opened.enter_context(self.postgres)
            opened.enter_context(self.valkey)
            self.to_postgres = opened.enter_context(Proxy(_port_of(self.postgres)))
            self.to_valkey = opened.enter_context(Proxy(_port_of(self.valkey)))
            self.models = opened.enter_context(running_model_server())
            migrate(self.postgres.url)
            self.stack = self._new_stack()
            self.reset_models()
            opened.enter_context(self.stack)
            self.keeper = Keeper(self.stack)
            self.keeper.start()
            opened.callback(self.keeper.stop)
            opened.callback(self.undo.close)
            self._resources = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _new_stack(self) -> Stack:
        folder = self.folder / "stack"
        folder.mkdir()
        models = {
            "OPENAI_BASE_URL": self.models.openai_base_url,
            "GEMINI_BASE_URL": self.models.gemini_base_url,
        }
        urls = {
            "DATABASE_URL": self.to_postgres.routed(self.postgres.url),
            "REDIS_URL": self.to_valkey.routed(self.valkey.url),
        }
        return Stack(
            folder,
            database_url=self.postgres.url,
            redis_url=self.valkey.url,
            worker_options=(),
            **(self._settings | models | urls),
        )

    def reset_models(self) -> None:
        """Both well, with no call so far."""
        self.models.reset()
        for provider in ("openai", "gemini"):
            self.models.script(provider, then=THINKING)

    def restore(self) -> None:
        """All programs that belong here run, none that does not, and nothing is left to do.

        Raises AssertionError when that cannot be had.
        """
        self.undo.close()
        self.postgres.start()
        self.valkey.start()
        self.to_postgres.pass_on()
        self.to_valkey.pass_on()
        for name in tuple(self.stack.programs):
            if name not in PROGRAMS:
                self.stack.programs.pop(name).kill()
        self.stack.wait_until_ready(_READY_SECONDS)
        self.query("DELETE FROM jobs WHERE subject_id = ANY(%s)", list(self.excused))
        self.excused.clear()
        wait_until(lambda: not self.unfinished(), _READY_SECONDS, "no job is left")
        self.reset_models()
        self.keeper.restarts.clear()

    def query(self, sql: str, *parameters: object) -> list[Row]:
        """Asked again for a while where PostgreSQL is away. `sql` may be any statement."""
        deadline = time.monotonic() + _QUERY_SECONDS
        while True:
            try:
                with psycopg.connect(
                    self.postgres.url, autocommit=True, connect_timeout=5, row_factory=psycopg.rows.dict_row
                ) as connection:
                    cursor = connection.execute(sql, parameters)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def unfinished(self, *, made_before: float | None = None) -> int:
        """Jobs that wait or run; `made_before` in seconds since 1970."""
        [row] = self.query(
            "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND NOT subject_id = ANY(%s)"
            " AND created_at < coalesce(to_timestamp(%s), 'infinity')",
            list(self.excused),
            made_before,
        )
        return int(row["count"])

    def program(self, name: str) -> Program:
        return self.stack.programs[name]

    def kill(self, name: str) -> None:
        """SIGKILL for a program with all of its processes, as when its container dies."""
        self.stack.programs[name].kill()

    def freeze(self, name: str) -> None:
        _signal_all(self.stack.programs[name], signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        _signal_all(self.stack.programs[name], signal.SIGCONT)


def _signal_all(program: Program, signum: int) -> None:
    for process in (psutil.Process(program.pid), *program.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def _port_of(server: EmbeddedServer) -> int:
    assert server.port is not None, "it has been started"
    return server.port


@contextlib.contextmanager
def running_scene() -> Iterator[Scene]:
    """A scene in a folder of its own, which is removed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="rootnote-faults-") as folder,
        Scene(Path(folder)) as scene,
    ):
        yield scene
