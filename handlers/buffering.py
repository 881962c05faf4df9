"""The use case of ingest while PostgreSQL is away: events wait in a queue, and are stored later.

What waits is scrubbed as if it were stored, with the hash of its key in place of the key. Whether the
key is good is found out when the event is stored, unless it was known before; so is its project.
"""

from __future__ import annotations

import base64
import json
import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from core import deadline
from core.aws.queue import MessageQueue
from core.domain.access import Scope
from core.domain.event import needs_analysis
from core.domain.validation import problems_of
from core.errors import (
    FieldProblem,
    InvalidInput,
    MalformedBody,
    QuotaExceeded,
    RootnoteError,
    StoreUnavailable,
)
from handlers.auth import Admitted
from handlers.projects import unknown_project
from handlers.receive import Incoming, Receipt, receive
from handlers.wiring import Deps

logger = logging.getLogger(__name__)

_COMPRESSED_ABOVE = 200_000
_LARGEST = 64 * 1_048_576
_BUFFER_SECONDS = 5.0
"""Of a request's time, what is kept for the buffer: SQS's answer takes milliseconds, two attempts at an SQS
that is silent take this long."""
_STORE_SECONDS = 3.0
"""What is kept of it for PostgreSQL, and for the end that is forced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BufferedEvent:
    """One message of the buffer. Its event has an id already, so that delivered twice it is one event."""

    event: Incoming
    key_hash: str
    request_id: str


async def admit(request: Request, deps: Deps) -> Admitted:
    """Whoever may send events; while PostgreSQL is away, whoever has a key, if there is a buffer."""
    if deps.buffer is None:
        return await deps.keys.admit(request, Scope.INGEST, unjudged=False)
    with deadline.leaving(_leave(deps)):
        return await deps.keys.admit(request, Scope.INGEST, unjudged=True)


async def receive_or_buffer(
    events: Sequence[Incoming], *, sender: Admitted, request_id: str, deps: Deps
) -> list[Receipt | RootnoteError]:
    """As `receive`, of those events that their projects' quotas let in; the others are QuotaExceeded.

    Raises StoreUnavailable where there is no buffer, or where it takes nothing, and QueueUnavailable
    where quotas cannot be counted and nothing is let in without.
    """
    keys = {event.project_key for event in events if _may_use(sender, event)}
    project_ids: dict[str, UUID] | None = None
    try:
        with deadline.leaving(_leave(deps)):
            project_ids = await _usable(keys, sender, deps)
    except StoreUnavailable:
        if deps.buffer is None:
            raise
    # Nobody may empty another's bucket.
    usable = keys if project_ids is None else project_ids.keys()
    refused = await _over_quota([event for event in events if event.project_key in usable], sender, deps)
    within = [event for event in events if event.project_key not in refused] if refused else events
    answers = await _store_or_buffer(within, project_ids, sender, request_id, deps) if within else []
    if not refused:
        return answers
    others = iter(answers)
    return [refused.get(event.project_key) or next(others) for event in events]


async def _usable(project_keys: set[str], sender: Admitted, deps: Deps) -> dict[str, UUID]:
    """Those that the sender may use, with their ids. Raises StoreUnavailable."""
    if sender.caller is None or not sender.is_judged:
        raise StoreUnavailable("the database does not answer")
    return await deps.projects.resolve(project_keys, sender.caller)


async def _over_quota(events: Sequence[Incoming], sender: Admitted, deps: Deps) -> dict[str, QuotaExceeded]:
    """The projects whose quota has no room for their part of the events."""
    counts: dict[str, int] = {}
    for event in events:
        # A Counter costs more than all else here where there is one event.
        counts[event.project_key] = counts.get(event.project_key, 0) + 1
    rates = deps.projects.rates(counts)
    return await deps.quotas.charge_projects(counts, rates, of_strangers=sender.caller is None)


async def _store_or_buffer(
    events: Sequence[Incoming],
    project_ids: Mapping[str, UUID] | None,
    sender: Admitted,
    request_id: str,
    deps: Deps,
) -> list[Receipt | RootnoteError]:
    """Without `project_ids` PostgreSQL is known to be away."""
    away = None
    if project_ids is not None and sender.caller is not None:
        try:
            with deadline.leaving(_leave(deps)):
                return await receive(
                    events, caller=sender.caller, request_id=request_id, deps=deps, project_ids=project_ids
                )
        except StoreUnavailable as exc:
            away = exc
    away = away or StoreUnavailable("the database does not answer, and the buffer took no event")
    if deps.buffer is None or sender.key_hash is None:
        raise away
    key_hash = sender.key_hash
    allowed = [event for event in events if _may_use(sender, event)]
    taken = await deps.buffer.put(
        [encode(BufferedEvent(event=event, key_hash=key_hash, request_id=request_id)) for event in allowed]
    )
    if allowed and not any(taken):
        raise away
    logger.warning("the database is away; events wait in the buffer", extra={"events": sum(taken)})
    answers = {
        event.id: _waiting(event) if is_taken else away
        for event, is_taken in zip(allowed, taken, strict=True)
    }
    return [answers.get(event.id) or unknown_project(event.project_key) for event in events]


def _leave(deps: Deps) -> float:
    """Seconds of the request's time that the buffer is to have, however short it is."""
    if deps.buffer is None:
        return 0.0
    return min(_BUFFER_SECONDS, deps.settings.request_timeout - _STORE_SECONDS)


def _may_use(sender: Admitted, event: Incoming) -> bool:
    """False: it is known now that the event would be refused when PostgreSQL is back."""
    return sender.caller is None or sender.caller.may_use(event.project_key)


def _waiting(event: Incoming) -> Receipt:
    is_wanted = needs_analysis(event.content.status_code)
    return Receipt(id=None, group_id=None, analysis="deferred" if is_wanted else "not_required", is_new=True)


async def store_buffered(body: str, deps: Deps) -> None:
    """Store one message of the buffer; one that never can be goes to the dead letters, with the reason.

    Quotas were asked before it came into the buffer. Raises StoreUnavailable: the message has to come again.
    """
    try:
        buffered = decode(body)
        caller = await deps.keys.holder(buffered.key_hash, Scope.INGEST)
        [answer] = await receive([buffered.event], caller=caller, request_id=buffered.request_id, deps=deps)
        if isinstance(answer, RootnoteError):
            raise answer
    except StoreUnavailable:
        raise
    except RootnoteError as exc:
        logger.warning("a buffered event can never be stored", extra={"cause": type(exc).__name__})
        await _bury(body, f"{type(exc).__name__}: {exc}", deps.dead_letters)


async def _bury(body: str, reason: str, dead_letters: MessageQueue | None) -> None:
    if dead_letters is None or not all(await dead_letters.put([body], reason=reason)):
        raise StoreUnavailable(f"the dead-letter queue took no message ({reason})")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[BufferedEvent]:
    return TypeAdapter(BufferedEvent)


def encode(buffered: BufferedEvent) -> str:
    """JSON in ASCII, since SQS refuses some characters; compressed where it is long."""
    text = json.dumps(_adapter().dump_python(buffered, mode="json"))
    if len(text) <= _COMPRESSED_ABOVE:
        return text
    return base64.b64encode(zlib.compress(text.encode())).decode()


def decode(body: str) -> BufferedEvent:
    """Raises InvalidInput for what `encode` did not write."""
    try:
        if not body.startswith("{"):
            inflate = zlib.decompressobj()
            body = inflate.decompress(base64.b64decode(body, validate=True), _LARGEST).decode()
        return _adapter().validate_json(body)
    except ValidationError as exc:
        raise InvalidInput(*problems_of(exc)) from exc
    except (ValueError, zlib.error) as exc:
        raise MalformedBody(FieldProblem(field="body", message="is no buffered event")) from exc
