"""The programs that are started here: git, docker or podman, sam."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.settings import Settings

# None of them has use for Rootnote's own settings, model keys and passwords first of all. make's
# would give its options to the make that `sam build` starts.
_KEPT_BACK = {name.upper() for name in Settings.model_fields} | {
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
}
_END_SECONDS = 15.0
_NOT_FOUND, _TIMED_OUT = 127, 124


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`code` 127: there is no such program; 124: it did not end in time."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


def ask(argv: Sequence[str], *, cwd: Path, stdin: str = "", seconds: float = 30) -> Answer:
    """Run a program unseen. What must not be in a list of processes goes through `stdin`."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=_environment({}),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        return Answer(code=_NOT_FOUND, out="", err="is not installed")
    except OSError as exc:
        return Answer(code=_NOT_FOUND, out="", err=exc.strerror or str(exc))
    except subprocess.TimeoutExpired:
        return Answer(code=_TIMED_OUT, out="", err=f"did not answer for {seconds:.0f} s")
    return Answer(code=done.returncode, out=done.stdout.strip(), err=done.stderr)


def show(
    argv: Sequence[str],
    *,
    cwd: Path,
    extra: Mapping[str, str] | None = None,
    meanwhile: Callable[[], None] | None = None,
    every: float = 10,
) -> int:
    """Run a program at this terminal and return its exit code; `meanwhile` is called every few seconds."""
    with subprocess.Popen(argv, cwd=cwd, env=_environment(extra or {})) as child:
        try:
            while True:
                try:
                    return child.wait(every)
                except subprocess.TimeoutExpired:
                    if meanwhile:
                        meanwhile()
        except BaseException:
            _end(child)
            raise


def _end(child: subprocess.Popen[bytes]) -> None:
    # Ctrl-C has reached it already where it shares this terminal; SIGTERM is for all other cases.
    child.terminate()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _KEPT_BACK}
    return kept | dict(extra)
