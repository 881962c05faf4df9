"""AUTH=off refuses to start wherever others than this machine could come in.

Each request is looked at as well (see `loopback`); this is so that a mistake is seen at once, and not by
whoever finds the port.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import ConfigError
from core.settings import Auth
from handlers.loopback import is_loopback

_ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
_RULE = "AUTH=off is for this machine only"
_REMEDY = "listen on 127.0.0.1, or set AUTH=required"


def check_host(auth: Auth, host: str) -> None:
    """Raises ConfigError where AUTH is off and `host`, which is to be listened on, is more than loopback.

    A name is looked up: all its addresses count, and one that has none is refused too.
    """
    if auth is Auth.OFF and not _leads_here_only(host):
        raise ConfigError(f"{_RULE}, and {host!r} is open to others: {_REMEDY}")


def check_process(auth: Auth, *, argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """For an app that some server loads: only uvicorn's own command line says where it listens.

    Raises ConfigError where AUTH is off and that is not loopback, or cannot be known: on Lambda, under
    another server, on a descriptor that was opened elsewhere. A Unix socket has no address to judge its
    callers by, so that each request would be refused.
    """
    if auth is not Auth.OFF:
        return
    check_lambda(auth, environ)
    if not _is_uvicorn(argv):
        raise ConfigError(f"{_RULE}, and this server does not say where it listens: use handlers.serve")
    listens = _uvicorn_options(argv[1:])
    if listens["fd"] is not None or listens["uds"] is not None:
        raise ConfigError(f"{_RULE}, and can serve neither --fd nor --uds: {_REMEDY}")
    check_host(auth, str(listens["host"]))


def check_lambda(auth: Auth, environ: Mapping[str, str]) -> None:
    """Raises ConfigError where AUTH is off in a function, which everybody calls from elsewhere."""
    if auth is Auth.OFF and environ.get(_ON_LAMBDA):
        raise ConfigError(f"{_RULE}, and a Lambda function is called from elsewhere: set AUTH=required")


def _leads_here_only(host: str) -> bool:
    if is_loopback(host):
        return True
    if not host or _is_address(host):
        return False
    addresses: set[str] = set()
    with suppress(OSError, UnicodeError):
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return bool(addresses) and all(map(is_loopback, addresses))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_uvicorn(argv: Sequence[str]) -> bool:
    """Whether this process is `uvicorn` or `python -m uvicorn`, or a child that one of them made."""
    program = Path(argv[0]) if argv else Path()
    is_module = program.name == "__main__.py" and program.parent.name == "uvicorn"
    return is_module or program.name in {"uvicorn", "uvicorn.exe"}


def _uvicorn_options(words: Sequence[str]) -> Mapping[str, object]:
    """As uvicorn itself reads them, its environment variables (UVICORN_HOST) included."""
    # Here, since Lambda carries no uvicorn.
    from uvicorn.main import main  # noqa: PLC0415

    with main.make_context("uvicorn", list(words)) as context:
        return dict(context.params)
