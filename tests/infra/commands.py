"""Would the program understand its command line? Asked of the programs' own parsers; nothing is run."""

from __future__ import annotations

from collections.abc import Sequence

from alembic.config import CommandLine
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.celery import celery

from core.queue import names
from handlers.serve import serve
from tests.conftest import ROOT

QUEUES = ({names.AI_ANALYSIS, names.METADATA_GENERATION}, {names.MAINTENANCE})
"""Apart: the sweeper would wait behind the jobs that it is to rescue."""


def check_command(argv: Sequence[str]) -> None:
    """Raises what the parser raises, or an AssertionError, where the command is wrong."""
    program, *words = argv
    {"celery": _celery, "alembic": _alembic, "python": _python}[program](words)


def _celery(words: list[str]) -> None:
    assert words[:2] == ["-A", "worker"]
    # Celery's group reads its own options only; the rest is the subcommand's.
    with celery.make_context("celery", words[:2], resilient_parsing=True) as context:
        context.obj = CLIContext(app=Celery(set_as_current=False), no_color=True, workdir=None)
        name, command, rest = celery.resolve_command(context, words[2:])
        assert name is not None
        assert command is not None
        with command.make_context(name, rest, parent=context) as parsed:
            if name == "worker":
                assert set(parsed.params["queues"]) in QUEUES


def _alembic(words: list[str]) -> None:
    assert CommandLine().parser.parse_args(words).cmd


def _python(words: list[str]) -> None:
    """The API, or the health check by its path in the image; see there for why -I and why -P."""
    if words[0] == "-m":
        assert words[1] == "handlers.serve"
        with serve.make_context("handlers.serve", words[2:]) as parsed:
            assert parsed.params["host"] == "0.0.0.0"
        return
    option, path, *arguments = words
    assert (ROOT / path.removeprefix("/app/")).is_file()
    assert option == ("-P" if arguments == ["beat"] else "-I")
