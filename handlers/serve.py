"""`python -m handlers.serve`: the HTTP API, on uvicorn."""

from __future__ import annotations

import gc
import socket
import sys

import click
import uvicorn

from core import log, settings
from core.errors import ConfigError
from handlers import wiring
from handlers.app import create_app
from handlers.bounded_http import BoundedHttp
from handlers.exposure import check_host

_WRONG_SETTING = 2
_STOP_SECONDS = 20
"""For requests that are under way: less than Kubernetes and Compose wait before they kill."""


_GC_THRESHOLDS = (20_000, 10, 10)
"""A request leaves little that only a collection frees, but each looks through what all that are under way
hold: one after every 700 objects took a sixth of the server's time."""


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is here now stays: each full collection would look through all of it, while requests wait.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", help="The address to listen on.  [default: API_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65_535), help="[default: PORT, else 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Serve the HTTP API until SIGINT or SIGTERM. Exits with 2 where a setting is wrong."""
    try:
        config = settings.load()
        host = config.api_host if host is None else host
        check_host(config.auth, host)
    except ConfigError as exc:
        click.echo(f"rootnote: {exc}", err=True)
        sys.exit(_WRONG_SETTING)
    log.configure(config.log_format, config.log_level, service="api", by_turn=True)
    app = create_app(wiring.build(config))
    _Server(
        uvicorn.Config(
            app,
            host=host,
            port=config.port if port is None else port,
            # As configured above; the app writes a line for each request itself.
            log_config=None,
            access_log=False,
            server_header=False,
            # Whoever is asked through a proxy is the proxy, whatever a header says.
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
            http=BoundedHttp,
            ws="none",
        )
    ).run()


if __name__ == "__main__":
    serve()
