"""Whether a fault broke a promise: arithmetic on what was found, with no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.load import Sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What a fault may cost. `window`: model calls beyond one a group; `bound`: seconds to recover."""

    bound: float
    window: int = 0
    may_restart: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was found when all was quiet again, or when patience ended.

    `analyses`: analysis rows of each accepted event that is stored. `answered`: calls that a fake model
    answered well, by the group or project that they were about. `paid`: the ledger's `ok` rows by job.
    `spoiled`: jobs that ended as failed or dead though nothing was wrong with them.
    """

    sent: Sent
    analyses: Mapping[UUID, int]
    described: frozenset[UUID]
    calls: int
    answered: Mapping[str, int]
    paid: Mapping[UUID, int]
    unfinished: int = 0
    spoiled: int = 0
    restarts: Mapping[str, int] = field(default_factory=dict)
    recovered: float | None
    """Seconds; None: not while it was waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One line of the table. `not_run` says why a fault could not be had on this machine."""

    name: str
    does: str
    sent: int = 0
    accepted: int = 0
    due: int = 0
    """Accepted with a status of 500 or more."""
    analysed: int = 0
    metadata_due: int = 0
    metadata_made: int = 0
    calls: int = 0
    duplicates: int = 0
    window: int = 0
    window_is: str = "none"
    lost: int = 0
    recovered: float | None = None
    bound: float = 0
    broken: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def is_kept(self) -> bool:
        return not self.broken


def judge(name: str, does: str, promise: Promise, facts: Facts) -> Verdict:
    """Every accepted event is stored, and has exactly one analysis if it is due one."""
    sent = facts.sent
    due = [event.id for event in sent.accepted if event.must_be_analysed]
    analysed = sum(facts.analyses.get(id_) == 1 for id_ in due)
    gone = sum(event.id not in facts.analyses for event in sent.accepted if not event.must_be_analysed)
    made = len(facts.described & set(sent.projects))
    return Verdict(
        name=name,
        does=does,
        sent=sent.events,
        accepted=len(sent.accepted),
        due=len(due),
        analysed=analysed,
        metadata_due=len(set(sent.projects)),
        metadata_made=made,
        calls=facts.calls,
        duplicates=_beyond_one(facts.answered),
        window=promise.window,
        lost=len(due) - analysed + gone + len(set(sent.projects)) - made,
        recovered=facts.recovered,
        bound=promise.bound,
        broken=tuple(_broken(promise, facts, due)),
    )


def _broken(promise: Promise, facts: Facts, due: list[UUID]) -> list[str]:
    """A sentence for each promise that was not kept."""
    sent = facts.sent
    missing = sum(event.id not in facts.analyses for event in sent.accepted)
    bare = sum(facts.analyses.get(id_) == 0 for id_ in due)
    twice = sum(facts.analyses.get(id_, 0) > 1 for id_ in due)
    without = len(set(sent.projects) - facts.described)
    asked, paid = _beyond_one(facts.answered), _beyond_one(facts.paid)
    late = facts.recovered is None or facts.recovered > promise.bound
    restarted = sorted(set(facts.restarts) - promise.may_restart)
    found = {
        f"{missing} accepted events are not stored": missing,
        f"{bare} events have no analysis": bare,
        f"{twice} events have more than one analysis": twice,
        f"{len(sent.confused)} repeated events were answered with another id": len(sent.confused),
        f"{without} projects have no metadata": without,
        f"{asked} model calls too many, of which {promise.window} are allowed": asked > promise.window,
        f"{paid} paid answers too many, of which {promise.window} are allowed": paid > promise.window,
        f"{facts.unfinished} jobs are stuck": facts.unfinished,
        f"{facts.spoiled} jobs failed or died": facts.spoiled,
        f"not recovered within {promise.bound:.0f} s": late,
        f"{', '.join(restarted)} had to be started again": restarted,
        f"{len(sent.rude)} requests were answered badly: {', '.join(sent.rude[:1])}": len(sent.rude),
        "nothing was accepted": not due,
    }
    return [sentence for sentence, is_true in found.items() if is_true]


def _beyond_one(counts: Mapping[str, int] | Mapping[UUID, int]) -> int:
    return sum(count - 1 for count in counts.values() if count > 1)
