"""What can go wrong, in words for the one who looks."""

from __future__ import annotations


class SecurityError(Exception):
    """A lock, an audit or a bill of materials is not what it must be; the message says what to do."""
