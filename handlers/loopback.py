"""AUTH=off is for one's own machine: what counts as that, and who is let in there without a key."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import URL
from starlette.requests import Request

from core.domain.access import Caller, Scope
from core.errors import Forbidden, Unauthorized

NOBODY = Caller(scope=Scope.READ, may_create_projects=True)
DEVELOPER = Caller(scope=Scope.ADMIN, may_create_projects=True)

_OF_PROXIES = frozenset((b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"))


@lru_cache(maxsize=256)
def is_loopback(host: str | None) -> bool:
    """Of an address, or of the one name that means this machine everywhere."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def local_caller(request: Request, needs: Scope) -> Caller:
    """Nobody but this machine is let in, nor a web page that its browser shows, nor who comes by a proxy.

    A page from elsewhere reaches loopback by a form or by a name that it makes point there; it gives
    itself away by its origin or that name. A proxy on this machine would make the world look like it.
    What costs money on purpose still needs the token. Raises Forbidden, Unauthorized.
    """
    client = request.scope.get("client")
    if not is_loopback(client[0] if client else None):
        raise Forbidden("AUTH=off serves this machine only")
    headers = request.headers
    if not _OF_PROXIES.isdisjoint([name for name, _ in headers.raw]):
        raise Forbidden("AUTH=off serves nobody who comes through a proxy")
    origin = headers.get("origin")
    if (
        not _is_named_loopback(headers.get("host"), request.scope.get("server"))
        or (origin is not None and not is_loopback(_host_of(origin)))
        or headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    ):
        raise Forbidden("AUTH=off serves no web pages from elsewhere")
    if not NOBODY.scope.covers(needs):
        raise Unauthorized("this needs the development token: Authorization: Bearer $DEV_TOKEN")
    return NOBODY


@lru_cache(maxsize=64)
def _is_named_loopback(host: str | None, server: tuple[str, int | None] | None) -> bool:
    """Whether the name by which a request came is this machine's: its Host header's, else the server's."""
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    url = URL(scope={"type": "http", "scheme": "http", "path": "/", "server": server, "headers": headers})
    return is_loopback(url.hostname)


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
