"""Who is asking. Routes say the scope that they need; the answer is a Caller or an error."""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.requests import Request

from core.domain.access import Caller, Scope, Shape, hash_key, shape_of
from core.errors import Forbidden, StoreUnavailable, Unauthorized
from core.settings import Auth
from core.store import keys
from core.store.database import Database
from handlers.loopback import DEVELOPER, local_caller

_REMEMBER_MOST = 4_096
_SEND_A_KEY = "send a key: Authorization: Bearer <key>"
_UNKNOWN = "this key is unknown or revoked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """Who may send events. `key_hash` None: without a key.

    `is_judged` False: PostgreSQL is away, so the key is judged when it is back; `caller` is then what is
    remembered of it, if anything. `ingest_rate` is the key's own, in events a minute, if it is known.
    """

    caller: Caller | None
    key_hash: str | None
    is_judged: bool = True
    ingest_rate: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """By the ring's clock: looked up again from `stale_at` on, no good from `ends_at` on."""

    caller: Caller
    stale_at: float
    ends_at: float


class KeyRing:
    """Looks keys up, and remembers them for a short while: the price of no query a request is that a
    revoked key may still work for `max_age` seconds in a process that has just seen it."""

    def __init__(
        self,
        database: Database,
        *,
        auth: Auth,
        dev_token: SecretStr | None,
        max_age: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._auth = auth
        self._dev_hash = hash_key(dev_token.get_secret_value()) if dev_token and auth is Auth.OFF else None
        self._max_age = max_age
        self._clock = clock
        self._known: dict[str, _Known] = {}
        # Apart, so that no flood of wrong keys makes the good ones forgotten.
        self._refused: dict[str, float] = {}

    async def caller(self, request: Request, needs: Scope) -> Caller:
        """Raises Unauthorized without a valid key, Forbidden with one that may not do this."""
        key = _key_of(request)
        if key is None:
            return self._keyless(request, needs)
        return await self._holder_of_key(key, hash_key(key), needs)

    async def admit(self, request: Request, needs: Scope, *, unjudged: bool) -> Admitted:
        """Like `caller`. `unjudged` lets a key in while PostgreSQL is away: for what can wait for it."""
        key = _key_of(request)
        if key is None:
            return Admitted(caller=self._keyless(request, needs), key_hash=None)
        key_hash = hash_key(key)
        try:
            caller = await self._holder_of_key(key, key_hash, needs)
            return Admitted(caller=caller, key_hash=key_hash, ingest_rate=caller.ingest_rate)
        except StoreUnavailable:
            if not unjudged:
                raise
            known = self._remembered(key_hash, needs)
            if known is None and shape_of(key) is not Shape.CHECKED:
                raise
            rate = known.ingest_rate if known else None
            return Admitted(caller=known, key_hash=key_hash, is_judged=False, ingest_rate=rate)

    async def holder(self, key_hash: str, needs: Scope) -> Caller:
        """Whose key has this sha-256. Raises Unauthorized, Forbidden, StoreUnavailable."""
        caller = await self._holder_of_hash(key_hash)
        if caller is None:
            raise Unauthorized(_UNKNOWN)
        return _wide_enough(caller, needs)

    def _keyless(self, request: Request, needs: Scope) -> Caller:
        if self._auth is Auth.OFF:
            return local_caller(request, needs)
        raise Unauthorized(_SEND_A_KEY)

    async def _holder_of_key(self, key: str, key_hash: str, needs: Scope) -> Caller:
        # One that is remembered was looked at before.
        is_new = key_hash not in self._known
        if is_new and shape_of(key) is Shape.BROKEN and not self._is_developer(key_hash):
            raise Unauthorized(_UNKNOWN)
        return await self.holder(key_hash, needs)

    def forget(self) -> None:
        """Have every key looked up again: one of them was changed."""
        self._known.clear()
        self._refused.clear()

    def _is_developer(self, key_hash: str) -> bool:
        return self._dev_hash is not None and hmac.compare_digest(key_hash, self._dev_hash)

    async def _holder_of_hash(self, key_hash: str) -> Caller | None:
        if self._is_developer(key_hash):
            return DEVELOPER
        now = self._clock()
        known = self._known.get(key_hash)
        if known is not None and min(known.stale_at, known.ends_at) > now:
            return known.caller
        if self._refused.get(key_hash, -math.inf) > now:
            return None
        return self._remember(
            key_hash,
            await self._database.autocommit(lambda connection: keys.find_valid(connection, key_hash)),
        )

    def _remember(self, key_hash: str, stored: keys.StoredKey | None) -> Caller | None:
        now = self._clock()
        # Not again as what it was before.
        self._known.pop(key_hash, None)
        self._refused.pop(key_hash, None)
        if stored is None:
            _make_room(self._refused)
            self._refused[key_hash] = now + self._max_age
            return None
        caller = _caller_of(stored)
        lasts = math.inf if stored.seconds_left is None else stored.seconds_left
        _make_room(self._known)
        self._known[key_hash] = _Known(caller=caller, stale_at=now + self._max_age, ends_at=now + lasts)
        return caller

    def _remembered(self, key_hash: str, needs: Scope) -> Caller | None:
        """What was known of a key, however long ago: one that was refused, or whose time is up, does not
        become good by an outage. None: nothing. Raises Unauthorized, Forbidden."""
        known = self._known.get(key_hash)
        if key_hash in self._refused or (known is not None and known.ends_at <= self._clock()):
            raise Unauthorized(_UNKNOWN)
        return None if known is None else _wide_enough(known.caller, needs)


def _make_room(remembered: dict[str, _Known] | dict[str, float]) -> None:
    if len(remembered) >= _REMEMBER_MOST:
        # Dictionaries keep their order: this one was looked up longest ago.
        del remembered[next(iter(remembered))]


def _caller_of(key: keys.StoredKey) -> Caller:
    return Caller(
        scope=key.scope,
        project_id=key.project_id,
        project_key=key.project_key,
        key_id=key.id,
        ingest_rate=key.ingest_rate,
    )


def _wide_enough(caller: Caller, needs: Scope) -> Caller:
    if not caller.scope.covers(needs):
        raise Forbidden(f"this needs a key with scope {needs}; yours has {caller.scope}")
    return caller


def _key_of(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return (request.headers.get("x-api-key") or "").strip() or None
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("the Authorization header must read: Bearer <key>")
    return key.strip()
