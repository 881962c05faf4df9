"""Web origins, as a browser says them in `Origin`."""

from __future__ import annotations

import re

_ORIGIN = re.compile(r"(https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def exact_origins(text: str) -> tuple[str, ...]:
    """Those that `text` lists, separated by commas.

    Raises ValueError for what no browser ever sends, which would silently match nothing, and for `*` and
    `null`, which anybody's page can be.
    """
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        parts = _ORIGIN.fullmatch(origin)
        if parts is None:
            raise ValueError("must list origins as https://app.example.com, in lower case and without a path")
        scheme, port = parts.groups()
        if port == _DEFAULT_PORTS[scheme]:
            raise ValueError(f"must leave out the port {port}, as browsers do for {scheme}")
    return origins
