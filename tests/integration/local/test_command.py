"""`python -m infra.local` with something in the way: one line, and the right exit code."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integration.local.running import Run


@pytest.mark.parametrize(
    ("env", "code", "message"),
    [
        ({"PORT": "http"}, 2, "PORT must be a number from 1 to 65535, not 'http'"),
        (
            {"DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/x", "REDIS_URL": ""},
            1,
            "DATABASE_URL: cannot connect to 127.0.0.1:1: connection",
        ),
        ({"DATABASE_URL": "postgresql//me:s3cret@h/x"}, 1, "DATABASE_URL is not a PostgreSQL URL"),
        ({"REDIS_URL": "redis://:s3cret@127.0.0.1:1/0"}, 1, "REDIS_URL: cannot connect to 127.0.0.1:1"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, env: dict[str, str], code: int, message: str) -> None:
    run = command(tmp_path, env=env)
    assert run.exit_code() == code
    assert run.saw(message), run.lines
    assert not run.saw("s3cret")
    assert not run.saw("Traceback")


def test_a_broken_env_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8000\nOPENAI_API_KEY sk-s3cret\n")
    run = command(tmp_path)
    assert run.exit_code() == 2
    assert run.lines == [f"run     | {tmp_path}/.env, line 2: expected NAME=value"]
    assert not (tmp_path / ".local").exists()


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = command(tmp_path, env={"PORT": str(port)})
        assert run.exit_code() == 1
    assert run.lines == [
        f"run     | port {port} is taken by another program; try PORT={port + 1} make run",
    ]


def test_help_explains() -> None:
    run = Run(["-m", "infra.local", "--help"])
    assert run.exit_code() == 0
    assert run.saw("--servers-only")
    assert run.saw(".local/env holds API_URL")


def command(root: Path, *words: str, env: dict[str, str] | None = None) -> Run:
    """`python -m infra.local` for another checkout."""
    code = "import sys; from pathlib import Path; from infra.local.__main__ import main;"
    code += "sys.exit(main(sys.argv[2:], root=Path(sys.argv[1])))"
    return Run(["-c", code, str(root), *words], env={"DATABASE_URL": "", "REDIS_URL": "", **(env or {})})
