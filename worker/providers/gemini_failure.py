"""What Google's error bodies and finish reasons mean; both of its SDKs need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import Failure, ProviderError
from worker.providers import http_failure

# Finish reasons after which there is no answer, and asking again will not bring one.
REFUSALS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "ESCALATION",
    }
)
# Google's 400 for a bad key, for a country or an account that may not use the API: all for a person.
_AUTH_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "FAILED_PRECONDITION"})


def status_error(name: str, status: int, body: object, headers: Mapping[str, str]) -> ProviderError:
    """The error for an answer that is not 200.

    `body` is the decoded JSON, with or without its outer `error`, or anything else. The wait is
    taken from the RetryInfo that Google puts into the body, or from Retry-After.
    """
    error = _mapping(_mapping(body).get("error") or body)
    details = error.get("details")
    found = [_mapping(item) for item in details] if isinstance(details, Sequence) else []
    reasons = [item.get("reason") for item in found]
    code = http_failure.safe_code(*reasons, error.get("status"))
    failure = None
    if status == 400 and code in _AUTH_REASONS:
        failure = Failure.AUTH
    elif status == 429 and any(_is_daily(item) for item in found):
        failure = Failure.QUOTA
    waits = [wait for item in found if (wait := _delay(item.get("retryDelay"))) is not None]
    wait = waits[0] if waits else http_failure.retry_after(headers)
    return http_failure.http_error(name, status, code=code, failure=failure, wait=wait)


def _is_daily(detail: Mapping[str, object]) -> bool:
    """Whether a QuotaFailure names a quota that is given by the day."""
    violations = detail.get("violations")
    if not isinstance(violations, Sequence):
        return False
    return any("PerDay" in str(_mapping(item).get("quotaId", "")) for item in violations)


def _delay(told: object) -> float | None:
    """A protobuf Duration as its JSON says it: `32.5s`."""
    return (
        http_failure.retry_after({"retry-after": told.removesuffix("s")}) if isinstance(told, str) else None
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
