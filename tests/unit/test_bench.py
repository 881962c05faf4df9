"""The benchmarks' frame: parts are run, told their flags, printed and written, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load import bench
from tests.load.command import Command, Part
from tests.load.result import Result
from tests.page_sections import section


def part(name: str, given: list[list[str]], *faults: str) -> Part:
    def run(arguments: list[str]) -> Result:
        given.append([name, *arguments])
        return Result(title=name.title(), table=f"table of {name}\n", faults=faults)

    return run


@pytest.fixture
def given() -> list[list[str]]:
    return []


@pytest.fixture
def command(tmp_path: Path, given: list[list[str]]) -> Command:
    page = tmp_path / "page.md"
    names = ("machine", "one", "two")
    page.write_text("".join(f"<!-- {name}:begin -->\nold\n<!-- {name}:end -->\n" for name in names))
    return Command(
        program="bench",
        description="",
        parts={"one": part("one", given), "two": part("two", given, "lost an event")},
        page=page,
        for_all={"--quick": "fast"},
        writes_each=True,
    )


def test_all_parts_are_run_in_order_and_told_to_be_quick(
    command: Command, given: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--quick"], command) == 1
    assert given == [["one", "--quick"], ["two", "--quick"]]
    said = capsys.readouterr()
    assert said.out == "## One\n\ntable of one\n\n## Two\n\ntable of two\n\n"
    assert said.err == "broken: lost an event\n"
    assert section(command.page, "one") == "old\n"


def test_one_part_is_written_and_the_others_are_left(command: Command, given: list[list[str]]) -> None:
    assert bench.main(["one", "--write", "--its-own"], command) == 0
    assert given == [["one", "--its-own"]]
    assert section(command.page, "one") == "## One\n\ntable of one\n"
    assert section(command.page, "two") == "old\n"
    assert "cores of" in section(command.page, "machine")
