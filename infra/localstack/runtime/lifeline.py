"""A pipe whose end in the kernel ends a child with its parent, however the parent dies."""

from __future__ import annotations

import fcntl
import os
import signal
import sys


class Lifeline:
    """Give `child_end` to a child that leads a process group, then call `tie`.

    PR_SET_PDEATHSIG would end the child with the *thread* that forked it, and LocalStack's threads come
    and go. Here the kernel sends SIGKILL to the child's whole group when the last writer of the pipe is
    gone, and the only writer is this process. It needs no thread in the child and no co-operation.
    Where the system is not Linux, a function ends at its next call of the runtime API instead.
    """

    def __init__(self) -> None:
        self.child_end, self._held = os.pipe()

    def tie(self, group: int) -> None:
        if sys.platform == "linux":
            fcntl.fcntl(self.child_end, fcntl.F_SETOWN, -group)
            fcntl.fcntl(self.child_end, fcntl.F_SETSIG, signal.SIGKILL)
            flags = fcntl.fcntl(self.child_end, fcntl.F_GETFL)
            fcntl.fcntl(self.child_end, fcntl.F_SETFL, flags | os.O_ASYNC)
        os.close(self.child_end)

    def close(self) -> None:
        os.close(self._held)
