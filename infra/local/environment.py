"""What the processes are told: the environment, `.env`, and what this machine provides."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from infra.local.errors import LocalError

DEFAULT_PORT = 8000
USAGE = 2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`values` is `.env` under the environment; the rest is read from it."""

    values: Mapping[str, str]
    port: int

    @property
    def database_url(self) -> str | None:
        return self.values.get("DATABASE_URL") or None

    @property
    def redis_url(self) -> str | None:
        return self.values.get("REDIS_URL") or None


def read_settings(env_file: Path, environ: Mapping[str, str]) -> Settings:
    values = {**read_env_file(env_file), **environ}
    return Settings(values=values, port=read_port(values.get("PORT", "")))


def read_env_file(path: Path) -> dict[str, str]:
    """The assignments of a dotenv file; none where there is no file."""
    try:
        with path.open(encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise LocalError(f"{path} is not UTF-8 text", exit_code=USAGE) from None
    except OSError as error:
        raise LocalError(f"cannot read {path}: {error.strerror}", exit_code=USAGE) from None
    for binding in bindings:
        if binding.error or (binding.key and binding.value is None):
            # The parser takes the blank lines before a statement as its beginning. The line may be
            # half a secret, so it is named and not shown.
            skipped = len(binding.original.string) - len(binding.original.string.lstrip())
            number = binding.original.line + binding.original.string[:skipped].count("\n")
            raise LocalError(f"{path}, line {number}: expected NAME=value", exit_code=USAGE)
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def read_port(text: str) -> int:
    """PORT as a number; 8000 where it is empty."""
    text = text.strip()
    if not text:
        return DEFAULT_PORT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise LocalError(f"PORT must be a number from 1 to 65535, not {text!r}", exit_code=USAGE)
    return int(text)


def development_token(path: Path) -> str:
    """The token in `path`, made at first use; only its owner may read it."""
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    token = secrets.token_urlsafe(32)
    write_private(path, f"{token}\n")
    return token


def write_assignments(path: Path, values: Mapping[str, str]) -> None:
    """Write what a shell reads with `. path`, at once and for the owner only."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))


def write_private(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)
