"""Lines wait for the end of a turn, and for nothing longer."""

from __future__ import annotations

import asyncio
import io
import logging
import weakref
from collections.abc import Iterator

import pytest

from core.log_by_turn import TurnHandler


class Stream(io.StringIO):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


class Picky(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.msg == "a":
            raise ValueError("not a")
        return super().format(record)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def logger(stream: Stream) -> Iterator[logging.Logger]:
    logger = logging.getLogger("turns")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = TurnHandler(stream)
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)
    handler.close()


async def test_lines_of_a_turn_are_one_write(logger: logging.Logger, stream: Stream) -> None:
    logger.info("a")
    logger.info("b")
    assert stream.writes == []
    await asyncio.sleep(0)
    assert stream.writes == ["a\nb\n"]
    logger.info("c")
    await asyncio.sleep(0)
    assert stream.writes == ["a\nb\n", "c\n"]


async def test_a_warning_waits_for_nothing_and_keeps_its_place(
    logger: logging.Logger, stream: Stream
) -> None:
    logger.info("a")
    logger.warning("b")
    assert stream.writes == ["a\nb\n"]
    logger.info("c")
    await asyncio.sleep(0)
    assert "".join(stream.writes) == "a\nb\nc\n"


def test_without_a_loop_each_line_goes_out(logger: logging.Logger, stream: Stream) -> None:
    logger.info("a")
    assert stream.writes == ["a\n"]


async def test_a_thread_waits_for_no_turn(logger: logging.Logger, stream: Stream) -> None:
    logger.info("a")
    await asyncio.to_thread(logger.info, "b")
    assert "".join(stream.writes) == "a\nb\n"


async def test_the_end_of_the_process_ends_the_turn(logger: logging.Logger, stream: Stream) -> None:
    """`logging.shutdown`, which Python calls at its exit, flushes every handler."""
    logger.info("a")
    logging.shutdown([weakref.ref(handler) for handler in logger.handlers])
    assert stream.writes == ["a\n"]


async def test_a_line_that_cannot_be_written_harms_no_other(
    logger: logging.Logger, stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.handlers[0].setFormatter(Picky())
    logger.info("a")
    logger.info("b")
    await asyncio.sleep(0)
    assert stream.writes == ["b\n"]
    assert "not a" in capsys.readouterr().err
