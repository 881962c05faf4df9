"""Everything that Rootnote raises on purpose, as one tree.

RootnoteError
├── ConfigError             a setting is missing or wrong; says which
├── InvalidInput            a request that can never succeed; carries the fields (422)
│   ├── MalformedBody       not JSON at all (400)
│   ├── TooSlow             a body that does not come (408)
│   ├── TooLarge            a body over the limit (413)
│   └── UnsupportedEncoding a compression that is not known (415)
├── Unauthorized            no key, or one that is unknown or revoked (401)
├── Forbidden               a key without the scope or the project (403)
├── NotFound                no such thing, or not this key's to see (404)
├── Conflict                the thing's state forbids it now (409)
├── QuotaExceeded           more events than the key or project may send; says when to try again (429)
├── StoreUnavailable        PostgreSQL does not answer (503); worth a retry
├── TimeUp                  the request's own time is up (503); worth a retry
├── ClaimLost               a job's lease ran out and somebody else has it, or it is gone
├── QueueUnavailable        Redis does not answer; the sweeper will send the job later
├── SecretUnavailable       Secrets Manager does not answer, or the secret is not what it must be
├── MigrationFailed         the database is not at this code's schema; says why, and holds no secret
├── ProviderError           a model call failed; carries its class, see `Failure`
├── ChainFailed             no provider answered (in `worker.providers.base`, with its ledger rows)
└── InvalidAnswer           a model answered, but not what the schema asks for

Third-party exceptions are turned into these where the library is called and
nowhere else. HTTP status codes are given to them in `handlers.app` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RootnoteError(Exception):
    """Base of all."""


class ConfigError(RootnoteError):
    """A setting is missing or wrong. The message names the variable, never its value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    """One thing wrong with one field; `field` is a dotted path such as `events.3.message`."""

    field: str
    message: str


class InvalidInput(RootnoteError):
    """A request that can never succeed as it is."""

    def __init__(self, *problems: FieldProblem) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))


class MalformedBody(InvalidInput):
    """A body that cannot even be read."""


class TooSlow(InvalidInput):
    """A body that did not come within its time."""


class TooLarge(InvalidInput):
    """A body over the limit."""


class UnsupportedEncoding(InvalidInput):
    """A body in a compression that is not known."""


class Unauthorized(RootnoteError):
    """No key, or one that is unknown or revoked."""


class Forbidden(RootnoteError):
    """A valid key that lacks the scope or the project."""


class NotFound(RootnoteError):
    """No such thing, or not this key's to see."""


class Conflict(RootnoteError):
    """The thing exists, but its state forbids what was asked."""


class QuotaExceeded(RootnoteError):
    """More events than a quota lets in. Before `retry_after` seconds, the same would be refused again."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreUnavailable(RootnoteError):
    """PostgreSQL cannot be reached or refuses work for now."""


class TimeUp(RootnoteError):
    """A request took as long as any may. What it asked for may have happened or not."""


class ClaimLost(RootnoteError):
    """A job is no longer this worker's: what it found must not be written."""


class QueueUnavailable(RootnoteError):
    """Redis cannot be reached within its time limit."""


class SecretUnavailable(RootnoteError):
    """A secret cannot be read. The message names the secret, never its value."""


class MigrationFailed(RootnoteError):
    """The database could not be brought to this code's schema. The message holds no row and no secret."""


class Failure(StrEnum):
    """What a failed model call means for the next step."""

    RETRYABLE = "retryable"
    """429, 408, 409, 5xx, a cut connection, a time-out: may work later."""
    QUOTA = "quota"
    """The account's money or quota is used up: this provider will not work soon, another may."""
    AUTH = "auth"
    """401, 403, an invalid key: a person has to mend it."""
    REJECTED = "rejected"
    """Refused or filtered content, a too long prompt, 400: the same request never works here."""
    INVALID_ANSWER = "invalid_answer"
    """Answered twice, never by the schema."""


class ProviderError(RootnoteError):
    """A model call failed.

    `retry_after` is in seconds, as the provider asked for, or None.
    The message is safe to store: it holds no key and no prompt.
    """

    def __init__(
        self,
        message: str,
        *,
        failure: Failure,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.status = status
        self.retry_after = retry_after


class InvalidAnswer(RootnoteError):
    """A model answered, but not what the schema asks for. The message goes back to the model."""
