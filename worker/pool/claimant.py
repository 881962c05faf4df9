"""The name that a process claims jobs by, which its parent knows as well.

Host and number are for people to read: numbers are used again, and containers may share a host's name. The
word is nobody else's, so that what a process had can be told when it is gone, and by nothing else.
"""

from __future__ import annotations

import socket
from typing import Any
from uuid import uuid4


def new_word() -> str:
    return uuid4().hex[:12]


def give_word(process: Any) -> None:
    """To a process that is yet to start."""
    process.claimant_word = new_word()


def name_of(process: Any) -> str:
    """`host:number:word`. One whose parent gave it no word has another one each time."""
    word = getattr(process, "claimant_word", None) or new_word()
    return f"{socket.gethostname()}:{process.pid}:{word}"
