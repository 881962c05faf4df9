"""Who is asking. Routes say the scope that they need; the answer is a Caller or an error."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request

from core.domain.access import Caller, Scope, hash_key, looks_like_key
from core.errors import Forbidden, StoreUnavailable, Unauthorized
from core.settings import Auth
from core.store import keys
from core.store.database import Database

_REMEMBER_SECONDS = 30.0
"""How long a revoked key may still work in one process; the price of no query a request."""
_REMEMBER_MOST = 4_096

_NOBODY = Caller(scope=Scope.READ, may_create_projects=True)
_DEVELOPER = Caller(scope=Scope.ADMIN, may_create_projects=True)


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """`caller` None: PostgreSQL is away, so the key is judged when it is back. `key_hash` None: no key."""

    caller: Caller | None
    key_hash: str | None


class KeyRing:
    """Looks keys up, and remembers them for a short while."""

    def __init__(
        self,
        database: Database,
        *,
        auth: Auth,
        dev_token: SecretStr | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._auth = auth
        self._dev_hash = hash_key(dev_token.get_secret_value()) if dev_token and auth is Auth.OFF else None
        self._clock = clock
        self._known: dict[str, tuple[float, Caller | None]] = {}

    async def caller(self, request: Request, needs: Scope) -> Caller:
        """Raises Unauthorized without a valid key, Forbidden with one that may not do this."""
        key = _key_of(request)
        if key is not None:
            return await self.holder(hash_key(key), needs)
        if self._auth is Auth.OFF:
            return _local_caller(request, needs)
        raise Unauthorized("send a key: Authorization: Bearer <key>")

    async def admit(self, request: Request, needs: Scope) -> Admitted:
        """Like `caller`, but lets a key in unjudged while PostgreSQL is away: for what can wait for it."""
        key = _key_of(request)
        key_hash = hash_key(key) if key is not None else None
        try:
            return Admitted(caller=await self.caller(request, needs), key_hash=key_hash)
        except StoreUnavailable:
            if key is None or key_hash is None or not looks_like_key(key):
                raise
            if self._known.get(key_hash, (0.0, _NOBODY))[1] is None:
                # However long ago: a key that was refused does not become good by an outage.
                raise Unauthorized("this key is unknown or revoked") from None
            return Admitted(caller=None, key_hash=key_hash)

    async def holder(self, key_hash: str, needs: Scope) -> Caller:
        """Whose key has this sha-256. Raises Unauthorized, Forbidden, StoreUnavailable."""
        caller = await self._holder_of_hash(key_hash)
        if caller is None:
            raise Unauthorized("this key is unknown or revoked")
        if not caller.scope.covers(needs):
            raise _too_narrow(caller, needs)
        return caller

    async def _holder_of_hash(self, key_hash: str) -> Caller | None:
        if self._dev_hash is not None and hmac.compare_digest(key_hash, self._dev_hash):
            return _DEVELOPER
        remembered = self._known.get(key_hash)
        if remembered is not None and remembered[0] > self._clock():
            return remembered[1]
        stored = await self._database.autocommit(lambda connection: keys.find_valid(connection, key_hash))
        caller = Caller(scope=stored.scope, project_id=stored.project_id) if stored else None
        if len(self._known) >= _REMEMBER_MOST:
            self._known.clear()
        self._known[key_hash] = (self._clock() + _REMEMBER_SECONDS, caller)
        return caller


def _too_narrow(caller: Caller, needs: Scope) -> Forbidden:
    return Forbidden(f"this needs a key with scope {needs}; yours has {caller.scope}")


def _key_of(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return request.headers.get("x-api-key")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("the Authorization header must read: Bearer <key>")
    return key.strip()


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None


def _local_caller(request: Request, needs: Scope) -> Caller:
    """AUTH=off is for one's own machine: nobody else is let in, nor a web page that its browser shows.

    A page from elsewhere reaches loopback by a form or by a name that it makes point there; it gives
    itself away by its origin or that name. What costs money on purpose still needs the token.
    """
    if not _is_loopback(request.client.host if request.client else None):
        raise Forbidden("AUTH=off serves this machine only")
    origin = request.headers.get("origin")
    if (
        not _is_loopback(request.url.hostname)
        or (origin is not None and not _is_loopback(_host_of(origin)))
        or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    ):
        raise Forbidden("AUTH=off serves no web pages from elsewhere")
    if not _NOBODY.scope.covers(needs):
        raise Unauthorized("this needs the development token: Authorization: Bearer $DEV_TOKEN")
    return _NOBODY
