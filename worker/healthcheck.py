"""Is this container well? `python worker/healthcheck.py [beat | URL]`: 0 yes, 1 no, with a line saying why.

Without an argument the worker is asked: GET /metrics on WORKER_METRICS_PORT must answer 200, each
step within 3 s. That tells of a process that is dead or stuck; whether jobs get done is /readyz's to
say, since killing a worker does not help when Redis is away. A URL is asked in the same way. `beat`
has no port: its last tick in Redis must be recent. While Redis is away nothing is held against beat,
which waits for it.

Run by its path, never by `-m`: the package `worker` loads Celery, which takes seconds. So nothing is
imported here but the standard library, and for `beat` alone what it needs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

SECONDS = 3.0
DEFAULT_PORT = "9808"
MISSED_TICKS = 6


class Unwell(Exception):
    """The message says why."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Return the exit code."""
    try:
        if argv == ["beat"]:
            check_beat()
        else:
            check_url(argv[0] if argv else metrics_url(environ))
    except Unwell as exc:
        sys.stderr.write(f"unwell: {exc}\n")
        return 1
    return 0


def metrics_url(environ: Mapping[str, str]) -> str:
    """Raises Unwell where metrics are off: a check that asks nobody must not be green."""
    port = environ.get("WORKER_METRICS_PORT") or DEFAULT_PORT
    if port == "0":
        raise Unwell("WORKER_METRICS_PORT is 0, so there is nobody to ask")
    return f"http://127.0.0.1:{port}/metrics"


def check_url(url: str) -> None:
    """Raises Unwell unless the answer is 200. Proxies of the environment are not used."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise Unwell(f"not an http:// address: {url}")
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=SECONDS)
        try:
            connection.request("GET", parts.path or "/")
            response = connection.getresponse()
            # To its end: a server that is cut off in the middle logs a traceback.
            response.read()
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as exc:
        raise Unwell(f"{url}: {type(exc).__name__}: {exc}") from exc
    if response.status != 200:
        raise Unwell(f"{url} answered {response.status}")


def check_beat() -> None:
    """Raises Unwell when beat has sent nothing of late, by the measure of /readyz."""
    from redis import Redis, RedisError  # noqa: PLC0415  (the worker's check must not pay for these)

    from core.aws.secrets import redis_url  # noqa: PLC0415
    from core.errors import ConfigError, SecretUnavailable  # noqa: PLC0415
    from core.queue.names import BEAT_TICK  # noqa: PLC0415
    from core.settings import load  # noqa: PLC0415

    try:
        settings = load()
        url = redis_url(settings)
        with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as redis:
            tick = redis.get(BEAT_TICK)
    except ConfigError as exc:
        raise Unwell(str(exc)) from exc
    except (RedisError, SecretUnavailable) as exc:
        sys.stderr.write(f"Redis does not answer, so nothing is known: {type(exc).__name__}\n")
        return
    if tick is None:
        raise Unwell("beat has not ticked")
    age = time.time() - float(tick)
    if age > settings.sweep_interval * MISSED_TICKS:
        raise Unwell(f"beat ticked {age:.0f} s ago")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
