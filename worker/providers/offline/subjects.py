"""What an error talks about: the other side of a call, a time limit, an address."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST_TEXT = 2_000

_SUBJECTS = tuple(
    (re.compile(pattern, re.IGNORECASE), subject)
    for pattern, subject in (
        (r"postgres|psycopg|asyncpg|\bPG::|\bpq: |:5432\b|npgsql", "PostgreSQL"),
        (r"mysql|mariadb|:3306\b", "MySQL"),
        (r"mongo|E11000|:27017\b", "MongoDB"),
        (r"redis|jedis|lettuce|:6379\b|valkey", "Redis"),
        (r"kafka|:9092\b", "Kafka"),
        (r"rabbitmq|amqp|pika\.|:5672\b", "RabbitMQ"),
        (r"elasticsearch|opensearch|:9200\b", "Elasticsearch"),
        (r"sqlite", "SQLite"),
        (r"sqlclient|sql server|mssql|:1433\b", "SQL Server"),
        (r"\bORA-\d|oracle", "Oracle"),
        (r"dynamodb", "DynamoDB"),
        (r"smtp|:587\b|:25\b", "the mail server"),
        (r"openai", "OpenAI"),
        (r"stripe", "Stripe"),
        (
            r"database|\bdb\b|jdbc|hikari|sqlalchemy|hibernate|activerecord|sequelize|prisma|knex",
            "the database",
        ),
    )
)

_ADDRESS = re.compile(
    r"(?<![\w.:/-])((?:\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9-][A-Za-z0-9.-]{0,200}\.[A-Za-z0-9-]{1,63}|localhost)"
    r":\d{2,5})(?![\w:.])|host='([\w.-]{1,200})', port=(\d{2,5})|\b(https?://[^\s'\"<>]{4,200})"
)
_SOURCE_FILE = re.compile(
    r"\.(?:py|js|mjs|cjs|ts|tsx|jsx|java|go|rb|php|cs|kt|scala|rs|c|cpp|h|vue|erb):\d+$"
)
_LIMIT = re.compile(
    r"\b(\d{1,9}(?:\.\d{1,3})? ?(?:ms|milliseconds?|s|secs?|seconds?|minutes?))\b", re.IGNORECASE
)


def subject_of(texts: Iterable[str]) -> str | None:
    """The other side of the call in our own words, by the first text that names one."""
    for text in texts:
        for pattern, subject in _SUBJECTS:
            if pattern.search(text[:_LONGEST_TEXT]):
                return subject
    return None


def address_in(text: str) -> str | None:
    """The first `host:port` or URL that is no place in a source file."""
    for match in _ADDRESS.finditer(text[:_LONGEST_TEXT]):
        address = match[1] or match[4] or f"{match[2]}:{match[3]}"
        if not _SOURCE_FILE.search(address):
            return address.rstrip(".,;:)")
    return None


def limit_in(text: str) -> str | None:
    """A duration as written, such as `30 seconds`."""
    match = _LIMIT.search(text[:_LONGEST_TEXT])
    return match[1] if match else None
