"""One client for each event loop, because pooled connections die with the loop that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

C = TypeVar("C")


class PerLoop(Generic[C]):
    """Builds a client at its first use in an event loop and keeps it for as long as the loop lives.

    A process with one long-lived loop gets one client; a caller that runs `asyncio.run` for each
    job gets a working client in each.
    """

    def __init__(self, build: Callable[[], C]) -> None:
        self._build = build
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, C] = WeakKeyDictionary()

    def get(self) -> C:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._build()
        return client

    def pop(self) -> C | None:
        """Forget the running loop's client and hand it over for closing."""
        return self._clients.pop(asyncio.get_running_loop(), None)
