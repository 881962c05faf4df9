"""The command lines of the load tests and the benchmarks: each part says what it takes."""

from __future__ import annotations

import pytest

from tests.load import bench
from tests.load.__main__ import PARTS, main
from tests.page_sections import section


def test_help_names_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in PARTS)


@pytest.mark.parametrize(
    ("part", "option"), [("flood", "--seconds"), ("fair", "--jobs"), ("million", "--events")]
)
def test_help_of_a_part_names_its_own_options(
    part: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([part, "--help"])
    assert ended.value.code == 0
    assert option in capsys.readouterr().out


@pytest.mark.parametrize("part", bench.PARTS)
def test_help_of_a_benchmark_names_its_options(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main([part, "--help"])
    assert ended.value.code == 0
    assert "--quick" in capsys.readouterr().out


def test_every_benchmark_has_a_section_of_the_page() -> None:
    for name in ("machine", *bench.PARTS):
        section(bench.PAGE, name)


def test_arguments_of_one_part_are_not_taken_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["--seconds=3"])
    assert ended.value.code == 2
    assert "which part is --seconds=3 for" in capsys.readouterr().err
