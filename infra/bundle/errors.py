"""What can go wrong, in words for the one who builds."""

from __future__ import annotations


class BundleError(Exception):
    """No bundle was made; the message says why and what to do."""
