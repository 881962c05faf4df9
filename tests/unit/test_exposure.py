"""Where AUTH=off may listen."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.settings import Auth
from handlers.exposure import check_host, check_lambda, check_process

FACTORY = ["--factory", "handlers.app:create_app"]
SCRIPT, MODULE = "/opt/venv/bin/uvicorn", "/opt/venv/lib/python3.11/site-packages/uvicorn/__main__.py"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_alone_may_be_listened_on(host: str) -> None:
    check_host(Auth.OFF, host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "",
        "192.0.2.7",
        "10.0.0.1",
        "::ffff:127.0.0.1",
        "2001:db8::1",
    ],
)
def test_what_others_reach_or_nobody_knows_may_not(host: str) -> None:
    with pytest.raises(ConfigError, match="AUTH=off"):
        check_host(Auth.OFF, host)
    check_host(Auth.REQUIRED, host)


@pytest.mark.parametrize("program", [SCRIPT, MODULE])
@pytest.mark.parametrize(
    ("words", "environ", "refused"),
    [
        ([], {}, False),
        (["--host", "127.0.0.1"], {}, False),
        (["--host=::1", "--workers", "2"], {}, False),
        (["--host", "0.0.0.0"], {}, True),
        (["--host=192.0.2.7"], {}, True),
        ([], {"UVICORN_HOST": "0.0.0.0"}, True),
        (["--host", "127.0.0.1"], {"UVICORN_HOST": "0.0.0.0"}, False),
        (["--uds", "/tmp/rootnote.sock"], {}, True),
        (["--fd", "3"], {}, True),
    ],
)
def test_uvicorns_own_words_are_believed(
    monkeypatch: pytest.MonkeyPatch, program: str, words: list[str], environ: dict[str, str], refused: bool
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    argv = [program, *FACTORY, *words]
    check_process(Auth.REQUIRED, argv=argv, environ={})
    if not refused:
        check_process(Auth.OFF, argv=argv, environ={})
        return
    with pytest.raises(ConfigError, match="AUTH=off"):
        check_process(Auth.OFF, argv=argv, environ={})


@pytest.mark.parametrize(
    "argv",
    [["/opt/venv/bin/gunicorn", "--bind", "127.0.0.1:8000"], ["/opt/venv/bin/hypercorn"], ["-c"], [""], []],
)
def test_other_servers_are_not(argv: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"handlers\.serve"):
        check_process(Auth.OFF, argv=argv, environ={})
    check_process(Auth.REQUIRED, argv=argv, environ={})


def test_a_function_is_called_from_elsewhere() -> None:
    on_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "api"}
    argv = [SCRIPT, *FACTORY]
    check_lambda(Auth.OFF, {})
    check_lambda(Auth.REQUIRED, on_lambda)
    check_process(Auth.REQUIRED, argv=argv, environ=on_lambda)
    with pytest.raises(ConfigError, match="Lambda"):
        check_lambda(Auth.OFF, on_lambda)
    with pytest.raises(ConfigError, match="Lambda"):
        check_process(Auth.OFF, argv=argv, environ=on_lambda)
