"""All that a stack has written down, said and sent, as texts to look through."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import redis
from psycopg import sql

from tests.untrusted.planted import MARK, Planted, forms

_MARKED = re.compile(f".{{0,250}}{MARK}.{{0,250}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


def tables_of(database_url: str) -> dict[str, str]:
    """Every row of every table, as text."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        return {
            f"table {name}": "\n".join(
                row[0]
                for row in connection.execute(
                    sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(name))
                )
            )
            for (name,) in names
        }


def keys_of(redis_url: str) -> str:
    """Every key of Redis and what it holds."""
    with redis.Redis.from_url(redis_url) as client:
        return "\n".join(
            f"{key!r} {client.dump(key)!r} {_value(client, key)!r}" for key in client.scan_iter(count=1_000)
        )


def _value(client: redis.Redis, key: bytes) -> Any:
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"hash":
            return client.hgetall(key)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case other:
            return other


@contextmanager
def monitored(redis_url: str) -> Iterator[list[str]]:
    """Every command that Redis is given in the block."""
    seen: list[str] = []
    with redis.Redis.from_url(redis_url) as client, client.monitor() as monitor:

        def listen() -> None:
            with contextlib.suppress(OSError, ValueError, AttributeError, redis.RedisError):
                seen.extend(str(command["command"]) for command in monitor.listen())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield seen
        monitor.connection.disconnect()
    thread.join(5)


def found_in(haystack: dict[str, str], planted: list[Planted]) -> list[str]:
    """Where a secret is, with its kind and the place that it was planted in; base64 is looked into."""
    found = []
    for where, text in haystack.items():
        whole = f"{text}\n{_decoded(text)}"
        marked = "\n".join(set(_MARKED.findall(whole)))
        found += [
            f"{item.kind}, planted in {item.place}: in {where}"
            for item in planted
            if any(form in (marked if MARK in form else whole) for form in forms(item.secret))
        ]
    return sorted(found)


def _decoded(text: str) -> str:
    return "\n".join(filter(None, (_text_of(word) for word in set(_BASE64.findall(text)))))


def _text_of(word: str) -> str:
    try:
        return base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
