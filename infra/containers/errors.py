"""What stands between this machine and a container, as one sentence.

RootnoteError
└── ContainerError
    └── Unavailable
"""

from __future__ import annotations

from core.errors import RootnoteError


class ContainerError(RootnoteError):
    """The message says what went wrong, and what to do where that is known."""


class Unavailable(ContainerError):
    """This machine lacks something; nothing is wrong with the image."""
