"""What the embedded servers share: a locked data folder, a port, a log, a start and an end."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from infra.local import process
from infra.local.errors import LocalError

# A killed server's children take a moment to notice; a live server of another run stays.
BUSY_SECONDS = 5.0
PORT_ATTEMPTS = 3


class EmbeddedServer(ABC):
    """One server on 127.0.0.1 with its data in `data_dir`, locked while any process of it lives.

    Its output goes to `log/` beside the folder. Ends with this process,
    whatever happens to that.
    """

    title: ClassVar[str]
    start_seconds: ClassVar[float]
    stop_steps: ClassVar[Sequence[tuple[int, float]]]
    """Signals and the seconds that each is given, before SIGKILL."""
    kill_signal: ClassVar[int] = signal.SIGKILL

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log = self.data_dir.parent / "log" / f"{self.title.lower()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """LocalError before the first start."""

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LocalError(f"{self.title} has not been started")
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return when it can be used. A port that it chose is kept for later starts."""
        if self.is_alive():
            return
        self.stop()
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            lock = self.data_dir.parent / f"{self.data_dir.name}.lock"
            busy = f"the data in {self.data_dir} are in use by another server{self._in_use_by()}"
            with process.locked(lock, busy=busy, patience=BUSY_SECONDS) as held:
                self._prepare(held.fileno())
                self._launch(held.fileno())
        except PermissionError as error:
            raise LocalError(process.not_ours(Path(error.filename or self.data_dir))) from None
        except OSError as error:
            raise LocalError(f"{self.title} cannot be started: {error}") from error

    def stop(self) -> None:
        """Ask, and after the steps' seconds insist. Does nothing where it does not run."""
        if self._process is not None:
            process.stop(self._process, self.stop_steps)
            self._process = None

    def kill(self) -> None:
        """End it at once; `stop` still has to be called."""
        if self._process is not None:
            self._process.send_signal(self.kill_signal)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self, lock_fd: int) -> None:
        """Make the data folder fit for a start; the lock is held."""

    @abstractmethod
    def _spawn(self, port: int, lock_fd: int) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self, port: int, pid: int) -> bool: ...

    def _in_use_by(self) -> str:
        return ""

    def _launch(self, lock_fd: int) -> None:
        attempts = PORT_ATTEMPTS if self.port is None else 1
        for attempt in range(1, attempts + 1):
            port = self.port or process.free_port()
            if process.port_is_taken(port):
                # One of our choice may have been taken since: then another will do.
                if attempt < attempts:
                    continue
                raise LocalError(f"{self.title}'s port {port} is taken by another program")
            offset = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._spawn(port, lock_fd)
            if self._became_ready(self._process, port):
                self.port = port
                return
            self.stop()
            said = process.text_from(self.log, offset)
            # Another program may have taken a port of our choice between the look and the bind.
            if attempt == attempts or "Address already in use" not in said:
                last = said.strip().splitlines()[-1:] or ["no message"]
                raise LocalError(f"{self.title} did not start: {last[0]} (see {self.log})")

    def _became_ready(self, started: subprocess.Popen[bytes], port: int) -> bool:
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline and started.poll() is None:
            if self._answers(port, started.pid):
                return True
            time.sleep(0.02)
        return False
