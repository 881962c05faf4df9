"""The errors of `made_events` as a Sentry SDK tells them: one envelope with one event a request.

Written by the protocol, with the parts that ours has too: nine frames with their lines, request, release,
environment. A real SDK adds modules, contexts and variables, and is several times larger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.load.made_events import ERRORS, PROJECTS

_FRAMES = "abcdefghi"
_TYPE = "application/x-sentry-envelope"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dsn:
    """Where one project's envelopes go; `key` is the public one, 32 hexadecimal digits."""

    project: int
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelopes:
    """Requests as bytes, by number: no two have the same event id, and every hundredth is the same error."""

    dsns: tuple[Dsn, ...]
    sent_at: bytes
    item: bytes

    def __call__(self, number: int) -> bytes:
        error = number % ERRORS
        body = self.body(number)
        dsn = self.dsns[error % len(self.dsns)]
        head = (
            f"POST /api/{dsn.project}/envelope/ HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {_TYPE}\r\n"
            f"x-sentry-auth: Sentry sentry_key={dsn.key}, sentry_version=7, sentry_client=bench/1\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def body(self, number: int) -> bytes:
        event_id = b"0f5c6dd18c6d4f0e9f1b%012d" % number
        item = self.item % {
            b"id": event_id,
            b"n": b"%08d" % (10_000_000 + number),
            b"word": _word(number % ERRORS),
        }
        header = b'{"event_id":"%b","sent_at":"%b"}' % (event_id, self.sent_at)
        return b'%b\n{"type":"event","length":%d}\n%b\n' % (header, len(item), item)


def made_envelopes(*dsns: Dsn) -> Envelopes:
    """Of now, for as many projects as `made_events` has. Raises ValueError for another number."""
    if len(dsns) != PROJECTS:
        raise ValueError(f"{len(dsns)} projects, not {PROJECTS}")
    item = json.dumps(_event(), separators=(",", ":")).encode()
    return Envelopes(dsns=dsns, sent_at=_now().encode(), item=item)


def _event() -> dict[str, object]:
    frames = [
        {
            "filename": f"shop/%(word)b/layer_{letter}.py",
            "abs_path": f"/srv/shop/%(word)b/layer_{letter}.py",
            "function": f"{letter}_%(word)b",
            "lineno": 17 + 12 * depth,
            "context_line": f"    return next_{letter}(order, retries=3, deadline=deadline)",
            "in_app": True,
        }
        for depth, letter in enumerate(_FRAMES)
    ]
    return {
        "event_id": "%(id)b",
        "timestamp": _now(),
        "platform": "python",
        "level": "error",
        "logger": "shop",
        "transaction": "/api/orders/%(word)b/payments",
        "environment": "production",
        "release": "shop@2026.11.3",
        "server_name": "shop-7d9f4c6b5-x2vqk",
        "request": {"method": "POST", "url": "https://shop.example/api/orders/%(n)b/payments"},
        "extra": {"region": "eu-central-1"},
        "exception": {
            "values": [
                {
                    "type": "TimeoutError",
                    "value": "Payment %(n)b by pay_%(word)b failed: no answer from the bank within 5 s",
                    "mechanism": {"type": "generic", "handled": False},
                    "stacktrace": {"frames": frames},
                }
            ]
        },
    }


def _word(number: int) -> bytes:
    """Groupings leave numbers out, so errors are told apart by letters."""
    return bytes((ord("g") + number // 10, ord("g") + number % 10))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
