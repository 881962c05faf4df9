"""The load tests' command line: each part says what it takes."""

from __future__ import annotations

import pytest

from tests.load.__main__ import PARTS, main


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
