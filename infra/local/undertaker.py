"""Ends a runner's processes once the runner is gone, even by SIGKILL.

Runs as a process of its own, by path and with the standard library alone.
Standard input carries one command a line: `+ STAGE PID SIGNAL` puts a process
group leader under watch, `- PID` takes it off. The end of the input, or
another parent, means that the runner died.

Linux's PR_SET_PDEATHSIG would do without a process, but it fires when the
*thread* that forked ends, is lost on a change of user, kills no grandchildren
and does not exist on macOS.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

GRACE_SECONDS = 6.0
PARENT_CHECK_SECONDS = 1.0

Watched = dict[int, tuple[int, int]]


def main() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    watched = watch(os.getppid())
    for stage in sorted({stage for stage, _ in watched.values()}):
        end({pid: signum for pid, (of, signum) in watched.items() if of == stage})


def watch(parent: int) -> Watched:
    """Return what is still under watch when the parent is gone."""
    watched: Watched = {}
    pending = b""
    while True:
        # A fork of the runner may hold the pipe open after its death, hence the look at the parent.
        readable, _, _ = select.select([sys.stdin], [], [], PARENT_CHECK_SECONDS)
        chunk = os.read(sys.stdin.fileno(), 65536) if readable else b""
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            note(watched, line.split())
        if (readable and not chunk) or os.getppid() != parent:
            return watched


def note(watched: Watched, words: list[bytes]) -> None:
    if words[0] == b"+":
        stage, pid, signum = (int(word) for word in words[1:])
        watched[pid] = (stage, signum)
    else:
        watched.pop(int(words[1]), None)


def end(signals: dict[int, int]) -> None:
    """Ask each politely, then kill what is left of its group."""
    for pid, signum in signals.items():
        send(os.kill, pid, signum)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(lives(pid) for pid in signals):
        time.sleep(0.05)
    for pid in signals:
        send(os.killpg, pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    if not send(os.kill, pid, 0):
        return False
    try:
        status = Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return True
    # The first process of a container often leaves the dead unburied.
    return status.rpartition(")")[2].split()[0] != "Z"


def send(how: Callable[[int, int], None], pid: int, signum: int) -> bool:
    try:
        how(pid, signum)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
