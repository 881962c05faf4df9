"""`make sam-local` and `make sam-invoke`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.containers.errors import ContainerError
from infra.local.console import Console
from infra.local.environment import read_settings
from infra.local.errors import LocalError
from infra.samlocal import command
from infra.samlocal.places import Places

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = "3000"
HELP_END = """\
PORT (default 3000) and the settings of worker, models and servers come from the environment or .env,
as for `make run`; PORT from the environment only. While this runs, .local/env has API_URL, API_KEY,
DATABASE_URL, REDIS_URL and DOCKER_HOST for a shell. Ctrl-C stops all of it.
"""


def main(argv: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Return the exit code: 0 when asked to stop, 1 when something was in the way, 2 for a wrong setting."""
    words = _parser().parse_args(argv)
    console = Console()
    # Until the supervisor has its own, so that what was begun is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    places = Places(root=root)
    try:
        if words.command == "invoke":
            return command.invoke(places, words.function, words.event)
        environ = os.environ | {"PORT": os.environ.get("PORT") or DEFAULT_PORT}
        command.run(read_settings(root / ".env", environ), places, console)
    except LocalError as error:
        console.complain(str(error))
        return error.exit_code
    except ContainerError as error:
        console.complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.samlocal",
        description="Run the API as a Lambda function in a container, by `sam local start-api` on "
        "127.0.0.1, with PostgreSQL, Valkey, migrations, worker and beat of this machine.",
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start all of it, and stop it with Ctrl-C")
    one = commands.add_parser("invoke", help="run one function once, while `run` runs")
    one.add_argument("function", help="its logical id, such as BacklogMetricFunction")
    one.add_argument("--event", default="", help="a file with the event as JSON, - for standard input")
    return parser


if __name__ == "__main__":
    sys.exit(main())
