"""`make localstack`: Rootnote on LocalStack, or LocalStack alone, in the foreground."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from infra.local import preflight, process
from infra.local.console import Console
from infra.local.environment import read_settings, write_assignments
from infra.local.errors import LocalError
from infra.localstack import whole
from infra.localstack.clients import client_environment
from infra.localstack.server import ROOT, LocalStackServer
from infra.localstack.welcome import empty_welcome

USUAL_PORT = 4566
LOOK_SECONDS = 0.5


def main(argv: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Return the exit code: 0 when asked to stop, 1 when something was in the way or LocalStack ended."""
    arguments = _parser().parse_args(argv)
    console = Console()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    try:
        preflight.check_python()
        port = arguments.port or (None if process.port_is_taken(USUAL_PORT) else USUAL_PORT)
        if arguments.empty:
            run_empty(root / ".local" / "localstack", port=port, console=console)
        whole.run(read_settings(root / ".env", os.environ), root, port=port, console=console)
    except LocalError as error:
        console.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        console.say("stopped")
    return 0


def run_empty(folder: Path, *, port: int | None, console: Console) -> NoReturn:
    """Until KeyboardInterrupt; LocalError when LocalStack cannot start or ends by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    env_file = folder / "env"
    server = LocalStackServer(folder / "data", port=port)
    console.say("starting LocalStack: some seconds, half a minute on a busy machine")
    try:
        with server:
            write_assignments(env_file, client_environment(server.url))
            console.plain(empty_welcome(server.url, env_file))
            while server.is_alive():
                time.sleep(LOOK_SECONDS)
            raise LocalError(f"LocalStack ended by itself; see {server.log}")
    finally:
        env_file.unlink(missing_ok=True)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.localstack",
        description="Run Rootnote on LocalStack until Ctrl-C: template.yaml deployed whole, with PostgreSQL, "
        "Valkey, worker and beat of this machine. Without Docker, an account or a token.",
        epilog="DATABASE_URL, REDIS_URL, OPENAI_API_KEY, GEMINI_API_KEY and other settings of the worker "
        "come from the environment or .env, as for `make run`. LocalStack starts empty each time. "
        "Its files are in .local/localstack/; while it runs, env there holds AWS_ENDPOINT_URL, dummy "
        "credentials, API_URL and API_KEY for a shell.",
    )
    parser.add_argument("--port", type=int, help=f"default: {USUAL_PORT}, or a free one where that is taken")
    parser.add_argument("--empty", action="store_true", help="LocalStack alone, with nothing in it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
