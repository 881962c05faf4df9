"""`python -m infra.simulation`, the pictures, and the document that has its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.simulation.__main__ import DOCUMENT, main
from infra.simulation.scenario import HOUR, Load, Outage, Scenario, Trouble
from infra.simulation.scenarios import SCENARIOS
from infra.simulation.table import digest_of, put
from infra.simulation.template import read, scaling_of
from infra.simulation.world import run


def test_a_scenario_with_other_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--only", "usual", "spike", "--set", "MaxTasks=2"]) == 0
    output = capsys.readouterr()
    assert "[2/2] spike" in output.err
    assert "\x1b" not in output.out + output.err
    _, _, usual, spike = output.out.strip().splitlines()
    assert usual.startswith("| usual | 4 |")
    assert spike.split("|")[6].strip() == "2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scenarios", "--only", "none"], "no such scenario: none"),
        (["scenarios", "--set", "MaxTasks"], "NAME=VALUE"),
        (["scenarios", "--set", "MostTasks=3"], "MostTasks"),
        (["scenarios", "--seed", "2", "--write"], "--write is for all scenarios"),
        (["other"], "invalid choice"),
    ],
)
def test_wrong_words_are_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exc:
        main(words)
    assert exc.value.code == 2
    assert message in capsys.readouterr().err


def test_pictures(tmp_path: Path) -> None:
    from infra.simulation.plots import plot

    scenario = Scenario(
        name="short",
        title="with an outage",
        seconds=HOUR,
        loads=(Load(start=0, rate=0.1),),
        outages=(Outage(start=600, end=1_200, trouble=Trouble.REFUSES),),
    )
    history = run(scenario, scaling_of(read()))
    for name in ("one.png", "two.png"):
        plot(history, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_part_of_a_document_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "x.md"
    document.write_text("before\n<!-- part: old -->\nold\n<!-- end of part -->\nafter\n")
    put(document, "part", "| new |\n", "0123")
    assert document.read_text() == "before\n<!-- part: 0123 -->\n| new |\n<!-- end of part -->\nafter\n"
    with pytest.raises(ValueError, match="no marks for other"):
        put(document, "other", "", "")


def test_the_document_is_of_this_policy() -> None:
    """If not: `make simulate`, then read again what docs/scaling.md says about the figures."""
    assert f"<!-- scenarios: {digest_of(scaling_of(read()))} -->" in DOCUMENT.read_text()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_is_in_the_document(scenario: Scenario) -> None:
    text = DOCUMENT.read_text()
    assert f"\n| {scenario.name} |" in text
    picture = f"images/scaling-{scenario.name}.png"
    assert picture in text
    assert (DOCUMENT.parent / picture).is_file()
