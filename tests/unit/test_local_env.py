"""What `make run` reads from .env and the environment, and what it writes for a shell."""

from __future__ import annotations

import io
import stat
import subprocess
from pathlib import Path

import pytest

from infra.local.console import Console
from infra.local.environment import (
    development_token,
    read_env_file,
    read_port,
    read_settings,
    write_assignments,
)
from infra.local.errors import LocalError


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nPORT=9000\nexport OPENAI_API_KEY='sk-1'\nREDIS_URL=\n")
    settings = read_settings(file, {"PORT": "9001"})
    assert settings.port == 9001
    assert settings.values["OPENAI_API_KEY"] == "sk-1"
    assert settings.redis_url is None
    assert settings.database_url is None


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_settings(tmp_path / ".env", {}).port == 8000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\n\n\nOPENAI_API_KEY sk-secret\nB=2\n", 4),
        ("LONELY\n", 1),
        ("A=1\nB='open\n", 2),
        ("= x\n", 1),
    ],
)
def test_a_broken_line_is_named_by_its_number_and_not_shown(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(LocalError, match=rf"\.env, line {line}: expected NAME=value") as caught:
        read_env_file(file)
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(LocalError, match="not UTF-8"):
        read_env_file(file)
    with pytest.raises(LocalError, match="cannot read"):
        read_env_file(tmp_path)


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1", "80.0", "²"])
def test_port_is_a_number(text: str) -> None:
    with pytest.raises(LocalError, match="PORT must be a number from 1 to 65535"):
        read_port(text)


def test_empty_port_is_the_default() -> None:
    assert (read_port(""), read_port(" 81 ")) == (8000, 81)


def test_a_shell_reads_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "env"
    value = 'it\'s $HOME `id` "quoted" & more'
    file.write_text("old")
    file.chmod(0o644)
    write_assignments(file, {"TOKEN": value, "URL": "http://127.0.0.1:8000"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    argv = ["/bin/sh", "-c", '. "$0"; printf %s "$TOKEN|$URL"', str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == f"{value}|http://127.0.0.1:8000"
    assert list(tmp_path.iterdir()) == [file]


def test_the_token_is_made_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "dev_token"
    token = development_token(file)
    assert len(token) >= 32
    assert development_token(file) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_lines_are_aligned_under_names_without_colours() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.line("api", "one")
    console.line("migrate", "two")
    assert stream.getvalue() == "api     | one\nmigrate | two\n"


def test_a_closed_terminal_is_no_reason_to_fail() -> None:
    stream = io.StringIO()
    console = Console(stream)
    stream.close()
    console.say("nobody listens")
    console.say("still nobody")
