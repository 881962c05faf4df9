"""The fault suite's own arithmetic: what counts as a broken promise, and how it is told."""

from __future__ import annotations

from pathlib import Path
from random import Random
from uuid import UUID

import httpx2
import pytest

from tests.faults import table
from tests.faults.load import AcceptedEvent, Sent, requests, rudeness
from tests.faults.registry import FAULTS
from tests.faults.verdict import Facts, Promise, Verdict, judge
from tests.faults.words import marked, word_in, words
from tests.page_sections import replace_section, section

GROUP, PROJECT = UUID(int=1), UUID(int=2)
ERROR = AcceptedEvent(id=UUID(int=10), group_id=GROUP, word="baba", must_be_analysed=True)
NOTICE = AcceptedEvent(id=UUID(int=11), group_id=GROUP, word="bebe", must_be_analysed=False)
PROMISE = Promise(bound=60, window=1, may_restart=frozenset({"worker"}))
SENT = Sent(events=3, metadata=1, refused=1, accepted=(ERROR, NOTICE), projects=(PROJECT,))
GOOD: dict[str, object] = {
    "sent": SENT,
    "analyses": {ERROR.id: 1, NOTICE.id: 0},
    "described": frozenset({PROJECT}),
    "calls": 4,
    "answered": {"baba": 2, "dada": 1},
    "paid": {UUID(int=20): 1},
    "restarts": {"worker": 2},
    "recovered": 12.0,
}


def judged(**changes: object) -> Verdict:
    return judge("a-fault", "something", PROMISE, Facts(**(GOOD | changes)))  # type: ignore[arg-type]


def test_a_kept_promise() -> None:
    verdict = judged()
    assert verdict.is_kept
    assert (verdict.sent, verdict.accepted, verdict.due, verdict.analysed) == (3, 2, 1, 1)
    assert (verdict.metadata_made, verdict.metadata_due) == (1, 1)
    assert (verdict.calls, verdict.duplicates, verdict.lost, verdict.recovered) == (4, 1, 0, 12.0)


@pytest.mark.parametrize(
    ("changes", "says", "lost"),
    [
        ({"analyses": {NOTICE.id: 0}}, "1 accepted events are not stored", 1),
        ({"analyses": {ERROR.id: 1}}, "1 accepted events are not stored", 1),
        ({"analyses": {ERROR.id: 0, NOTICE.id: 0}}, "1 events have no analysis", 1),
        ({"analyses": {ERROR.id: 2, NOTICE.id: 0}}, "1 events have more than one analysis", 1),
        ({"described": frozenset()}, "1 projects have no metadata", 1),
        ({"answered": {"baba": 2, "dada": 2}}, "2 model calls too many, of which 1 are allowed", 0),
        ({"paid": {UUID(int=20): 3}}, "2 paid answers too many, of which 1 are allowed", 0),
        ({"unfinished": 2}, "2 jobs are stuck", 0),
        ({"spoiled": 1}, "1 jobs failed or died", 0),
        ({"recovered": 61.0}, "not recovered within 60 s", 0),
        ({"recovered": None}, "not recovered within 60 s", 0),
        ({"restarts": {"worker": 1, "api": 1}}, "api had to be started again", 0),
        ({"sent": Sent()}, "nothing was accepted", 0),
        (
            {"sent": Sent(accepted=SENT.accepted, projects=SENT.projects, confused=("load-1",))},
            "1 repeated events were answered with another id",
            0,
        ),
        (
            {"sent": Sent(accepted=SENT.accepted, projects=SENT.projects, rude=("500 oh", "no answer"))},
            "2 requests were answered badly: 500 oh",
            0,
        ),
    ],
)
def test_a_broken_promise(changes: dict[str, object], says: str, lost: int) -> None:
    verdict = judged(**changes)
    assert verdict.broken == (says,)
    assert verdict.lost == lost


@pytest.mark.parametrize(
    ("status", "headers", "is_rude"),
    [
        (202, {}, False),
        (422, {}, False),
        (503, {"content-type": "application/problem+json", "retry-after": "5"}, False),
        (503, {"content-type": "application/problem+json"}, True),
        (503, {"content-type": "text/html", "retry-after": "5"}, True),
        (500, {"content-type": "application/problem+json", "retry-after": "5"}, True),
        (502, {}, True),
    ],
)
def test_a_refusal_says_when_to_try_again(status: int, headers: dict[str, str], *, is_rude: bool) -> None:
    answer = httpx2.Response(status, headers=headers, text="a | b\nc")
    assert rudeness(answer) == (f"{status} a / b c" if is_rude else None)


def test_the_table_says_what_was_found() -> None:
    broken = Verdict(name="bad", does="worse", bound=60, broken=("2 jobs are stuck",))
    absent = Verdict(name="absent", does="what it would", bound=30, not_run="no tmpfs")
    [_, good, bad, left_out] = table.plain([judged(), broken, absent]).splitlines()
    assert good.split("  ")[0] == "a-fault"
    assert "1 (≤ 1)" in good
    assert "12.0 (≤ 60)" in good
    assert good.endswith("kept")
    assert bad.endswith("2 jobs are stuck")
    assert left_out.endswith("not run: no tmpfs")
    lines = table.markdown([judged(), broken]).splitlines()
    assert "| a-fault | something | none |" in lines
    assert {line.count("|") for line in lines[-3:]} == {len(table.HEADINGS) + 1}


def test_a_fault_that_is_run_again_has_its_lines_replaced() -> None:
    broken = Verdict(name="bad", does="worse", bound=60, broken=("2 jobs are stuck",))
    before = table.markdown([judged(), broken])
    mended = Verdict(name="bad", does="not so bad", bound=60, recovered=2.0)
    after = table.updated(before, [mended])
    assert after == table.markdown([judged(), mended])
    with pytest.raises(ValueError, match="other is not in the table"):
        table.updated(before, [Verdict(name="other", does="")])


def test_a_section_of_the_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- faults:begin -->\nold\n<!-- faults:end -->\ntail\n")
    replace_section(page, "faults", "new\n")
    replace_section(page, "faults", "newer\n")
    assert section(page, "faults") == "newer\n"
    assert page.read_text() == "head\n<!-- faults:begin -->\nnewer\n<!-- faults:end -->\ntail\n"
    with pytest.raises(ValueError, match="no section soak"):
        replace_section(page, "soak", "new")


def test_every_fault_has_a_name_of_its_own_that_a_project_may_have() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in names)


def test_the_load_follows_from_its_seed() -> None:
    def sent(seed: str) -> list[object]:
        stream = requests(Random(seed), "load")
        return [next(stream) for _ in range(200)]

    assert sent("1") == sent("1")
    assert sent("1") != sent("2")


def test_a_word_is_found_again_in_a_prompt() -> None:
    stream = words()
    first, second = next(stream), next(stream)
    assert word_in(f'{{"content": "The {marked(second)} is flooded"}}') == second
    assert word_in(first) is None
