"""What stops the local servers or `make run`, as one sentence for the person at the terminal."""

from __future__ import annotations

from core.errors import RootnoteError


class LocalError(RootnoteError):
    """Something on this machine is in the way. The message says what to do; never a password."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class Lost(LocalError):
    """A server ended, and with it what a new start of it would not bring back."""
