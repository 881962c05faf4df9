"""Events as services send them, made fast: 1.55 kB, from Python, Node and Java, each with numbers of its own.

Of `MIX`, 100 errors come again and again: their stacks name the same functions each time. Of `NEW`, every
stack names functions that no other does, so every event is an error never seen before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

ERRORS = 100
PROJECTS = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD_LENGTH = 6
_PYTHON_LINES = 9
_OTHER_LINES = 15


class Texts(StrEnum):
    MIX = "mix"
    NEW = "new"


@dataclass(frozen=True, kw_only=True, slots=True)
class Events:
    """Bodies by number: no two are alike."""

    texts: Texts
    templates: tuple[bytes, ...]

    def body(self, number: int) -> bytes:
        error = number % ERRORS
        return self.templates[error % len(self.templates)] % {
            b"n": b"%08d" % (10_000_000 + number),
            b"word": _word(number if self.texts is Texts.NEW else error),
            b"project": b"%d" % (error % PROJECTS),
            b"ms": b"%03d" % (number % 1_000),
        }

    def batch(self, number: int, size: int) -> bytes:
        """The body of the batch of this number."""
        bodies = (self.body(each) for each in range(number * size, (number + 1) * size))
        return b'{"events":[%b]}' % b",".join(bodies)


def project_keys() -> list[str]:
    return [f"bench-{number}" for number in range(PROJECTS)]


def made_events(texts: Texts) -> Events:
    """Their time is now."""
    stacks = (_python_stack(), _node_stack(), _java_stack())
    return Events(texts=texts, templates=tuple(map(_template, stacks)))


def _template(stack: str) -> bytes:
    event = {
        "project_key": "bench-%(project)b",
        "message": "Payment of order %(n)b failed: no answer from the bank within 5 s",
        "stack": stack,
        "method": "POST",
        "path": "/api/orders/%(n)b/payments",
        "status_code": 500,
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.%(ms)bZ",
        "event_id": "0f5c6dd1-8c6d-4f0e-9f1b-4b6e%(n)b",
        "environment": "production",
        "release": "shop@2026.11.3",
        "extra": {"host": "shop-7d9f4c6b5-x2vqk", "region": "eu-central-1"},
    }
    return json.dumps(event).encode()


def _python_stack() -> str:
    frames = "".join(
        f'  File "/srv/shop/%(word)b/layer_{letter}.py", line {17 + 12 * depth}, in {letter}_%(word)b\n'
        f"    return next_{letter}(order, retries=3, deadline=deadline)\n"
        for depth, letter in enumerate(_LETTERS[:_PYTHON_LINES])
    )
    return f"Traceback (most recent call last):\n{frames}TimeoutError: no answer from the bank within 5 s"


def _node_stack() -> str:
    frames = "".join(
        f"\n    at Payments.{letter}_%(word)b (/srv/shop/dist/%(word)b/layer_{letter}.js:{17 + 12 * depth}:9)"
        for depth, letter in enumerate(_LETTERS[:_OTHER_LINES])
    )
    return f"BankError: Payment of order %(n)b failed: no answer from the bank within 5 s{frames}"


def _java_stack() -> str:
    frames = "".join(
        f"\n\tat com.example.shop.payments.%(word)b.Layer{letter.upper()}.{letter}_%(word)b"
        f"(Layer{letter.upper()}.java:{17 + 12 * depth})"
        for depth, letter in enumerate(_LETTERS[:_OTHER_LINES])
    )
    return f"com.example.shop.BankException: no answer from the bank within 5 s{frames}"


def _word(number: int) -> bytes:
    """Fingerprints leave numbers out, so errors are told apart by letters."""
    letters = bytearray(_WORD_LENGTH)
    for place in range(_WORD_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters[place] = ord(_LETTERS[letter])
    return bytes(letters)
