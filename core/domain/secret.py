"""A secret that may change while a process runs: what a connection needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class RotatingSecret(Protocol):
    def read(self) -> Mapping[str, str]:
        """Its fields. May block on the network. Raises SecretUnavailable."""

    def read_again(self, refused: Mapping[str, str]) -> bool:
        """After these were refused: True if they are others now. May block. Raises SecretUnavailable."""
