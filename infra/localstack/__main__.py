"""`make localstack`: AWS on loopback, in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from infra.local import process
from infra.local.console import Console
from infra.local.environment import write_assignments
from infra.local.errors import LocalError
from infra.localstack.clients import client_environment
from infra.localstack.server import ROOT, LocalStackServer

USUAL_PORT = 4566
LOOK_SECONDS = 0.5


def main(argv: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Return the exit code: 0 when asked to stop, 1 when something was in the way or LocalStack ended."""
    arguments = _parser().parse_args(argv)
    console = Console()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    try:
        run(root / ".local" / "localstack", port=arguments.port, console=console)
    except LocalError as error:
        console.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        console.say("stopped")
    return 0


def run(folder: Path, *, port: int | None, console: Console) -> NoReturn:
    """Until KeyboardInterrupt; LocalError when LocalStack cannot start or ends by itself."""
    if port is None and not process.port_is_taken(USUAL_PORT):
        port = USUAL_PORT
    folder.mkdir(parents=True, exist_ok=True)
    env_file = folder / "env"
    server = LocalStackServer(folder / "data", port=port)
    console.say("starting LocalStack: some seconds, half a minute on a busy machine")
    try:
        with server:
            write_assignments(env_file, client_environment(server.url))
            console.plain(welcome(server.url, env_file))
            while server.is_alive():
                time.sleep(LOOK_SECONDS)
            raise LocalError(f"LocalStack ended by itself; see {server.log}")
    finally:
        env_file.unlink(missing_ok=True)


def welcome(url: str, env_file: Path) -> str:
    return f"""
LocalStack is ready. Ctrl-C stops it, and all that is in it is gone.
  URL      {url}
  use it   set -a; . {env_file}; set +a
           then boto3 and AWS's command line go there: AWS_ENDPOINT_URL={url}

Lambda functions are processes of this machine, without isolation: run no code that you do not trust.
"""


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.localstack",
        description="Start LocalStack on loopback, without Docker, an account or a token, until Ctrl-C.",
        epilog="It starts empty and keeps its files in .local/localstack/. While it runs, "
        ".local/localstack/env holds AWS_ENDPOINT_URL and dummy credentials for a shell.",
    )
    parser.add_argument("--port", type=int, help=f"default: {USUAL_PORT}, or a free one where that is taken")
    return parser


if __name__ == "__main__":
    sys.exit(main())
