"""What an HTTP status and its headers mean for the next step, the same for every provider."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.errors import Failure, ProviderError

_RETRYABLE = frozenset({408, 409, 425, 429})
# 404 is an unknown model or a wrong base URL: every request fails until a person mends the settings.
_AUTH = frozenset({401, 403, 404})
# Providers' codes are words such as `rate_limit_exceeded`. A key or a sentence never looks like this.
_CODE = re.compile(r"[A-Za-z][A-Za-z_]{1,63}")


def failure_of(status: int) -> Failure:
    """The class of a status that is not a success. 402 is how some servers say that credit ran out."""
    if status == 402:
        return Failure.QUOTA
    # A redirect that was not followed comes from a wrong base URL, too.
    if status in _AUTH or 300 <= status < 400:
        return Failure.AUTH
    if 400 <= status < 500 and status not in _RETRYABLE:
        return Failure.REJECTED
    return Failure.RETRYABLE


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The wait that the server asks for, in seconds from `now` (UTC); None when it asks for none.

    Reads `retry-after-ms`, and `Retry-After` as seconds or as an HTTP date. `headers` must look
    names up without regard to case.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    told = headers.get("retry-after")
    seconds = _number(told)
    if seconds is not None or told is None:
        return seconds
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def safe_code(*codes: object) -> str:
    """The first of a provider's error codes that is a plain word; "" when none is.

    Servers repeat keys and prompts in their messages, so codes are all that is kept of them.
    """
    for code in codes:
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    return ""


def http_error(
    provider: str, status: int, *, code: str = "", failure: Failure | None = None, wait: float | None = None
) -> ProviderError:
    """The error for a status; `failure` overrules what the status alone would mean."""
    return ProviderError(
        f"{provider}: HTTP {status} {code}".rstrip(),
        failure=failure or failure_of(status),
        status=status,
        retry_after=wait,
    )


def timed_out(provider: str, timeout: float) -> ProviderError:
    return ProviderError(f"{provider}: no answer within {timeout:.3g} s", failure=Failure.RETRYABLE)


def disconnected(provider: str, exc: BaseException) -> ProviderError:
    """No connection, or one that broke. Only the exception's class is told: its text may hold a URL."""
    return ProviderError(f"{provider}: connection failed ({type(exc).__name__})", failure=Failure.RETRYABLE)


def unreadable(provider: str) -> ProviderError:
    """A success by its status, with a body that is not the provider's: a proxy's page, or cut."""
    return ProviderError(
        f"{provider}: HTTP 200 with a body that is not an answer", failure=Failure.RETRYABLE, status=200
    )


def refused(provider: str, reason: str) -> ProviderError:
    """The model, or a filter before or after it, would not answer."""
    return ProviderError(
        f"{provider}: refused ({safe_code(reason) or 'no reason given'})",
        failure=Failure.REJECTED,
        status=200,
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
