"""One place where what goes wrong becomes a line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.deploy.aws import reason
from infra.deploy.cli import Start, cli
from infra.deploy.console import Console
from infra.deploy.errors import DeployError


def main(argv: Sequence[str] | None = None, *, start: Start | None = None) -> int:
    """Return the exit code: 0 done, 1 something was in the way, 2 typed wrong, 130 stopped by Ctrl-C."""
    try:
        code = cli.main(
            args=argv, prog_name="python -m infra.deploy", obj=start or Start(), standalone_mode=False
        )
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except DeployError as exc:
        return _complain(*exc.problems)
    except NoCredentialsError:
        return _complain("no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE")
    except (ClientError, BotoCoreError) as exc:
        return _complain(f"AWS: {reason(exc)}")
    except BrokenPipeError:
        # `make logs | head` has had enough. What is buffered would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, click.Abort):
        return _complain("stopped; what AWS has begun goes on without this terminal", code=130)
    return code if isinstance(code, int) else 0


def _complain(*problems: str, code: int = 1) -> int:
    console = Console(sys.stderr)
    for problem in problems:
        console.plain(console.paint(f"deploy: {problem}", fg="red"))
    return code


if __name__ == "__main__":
    # As Ctrl-C: whatever was started here ends first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
