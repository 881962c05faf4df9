"""The offline analyser: rules in place of a model. Pure, and an answer for every event.

It is what an installation without an API key shows, and the last resort of one with a key
whose providers all fail. It says what the text shows and how sure that is, and nothing more.
"""

from __future__ import annotations

from core.domain.analysis import Analysis, Category
from core.domain.event import EventContent
from core.domain.stacktrace import StackTrace
from worker.providers.offline.evidence import evidence_of
from worker.providers.offline.facts import Facts, name_of, place_of, read_facts
from worker.providers.offline.prose import fill, one_line, quoted
from worker.providers.offline.rule import Recognised, recognise
from worker.providers.offline.rules_code import CODE_RULES
from worker.providers.offline.rules_data import DATA_RULES
from worker.providers.offline.rules_network import NETWORK_RULES
from worker.providers.offline.rules_system import SETTING_RULES, SYSTEM_RULES
from worker.providers.offline.rules_values import VALUE_RULES
from worker.providers.offline.subjects import address_in, limit_in, subject_of

MODEL = "heuristic-1"

RULES = (*SETTING_RULES, *CODE_RULES, *VALUE_RULES, *DATA_RULES, *NETWORK_RULES, *SYSTEM_RULES)
"""The first that fits wins, so what a runtime words itself comes before what a message may merely
mention: `KeyError: 'timeout'` is no time-out."""

_MOST_CONFIDENT = 0.65


def analyse(content: EventContent) -> Analysis:
    """What the event's own text tells. Never raises; `evidence` is verbatim; confidence is at most 0.65."""
    facts = read_facts(content)
    found = recognise(RULES, facts.texts)
    names = _names(facts, found)
    evidence = evidence_of(facts)
    return Analysis(
        root_cause=_root_cause(facts, found, names),
        category=found.rule.category if found else Category.UNKNOWN,
        evidence=evidence,
        suggested_fix=_suggested_fix(facts, found, names),
        unknowns=_unknowns(facts, found, names),
        confidence=_confidence(facts, found, names) if evidence else 0.1,
        inconclusive=found is None and facts.guilty is None,
    )


def _names(facts: Facts, found: Recognised | None) -> dict[str, str]:
    """The names for the templates: what the rule's pattern found first, then what the texts show anyway."""
    names = dict(found.names) if found else {}
    subject = subject_of(facts.texts)
    target = next(filter(None, map(address_in, facts.texts)), None)
    if "host" in names and "port" in names:
        target = f"{names['host']}:{names['port']}"
    limit = next(filter(None, map(limit_in, facts.texts)), None)
    place = place_of(facts.guilty) if facts.guilty and facts.own_code else None
    extra = {"subject": subject, "target": target, "limit": limit, "place": place}
    names = {name: value for name, value in extra.items() if value} | names
    names["other"] = names.get("subject", "the other side")
    names["database"] = names.get("subject", "the database")
    return names


def _root_cause(facts: Facts, found: Recognised | None, names: dict[str, str]) -> str:
    sentences = (
        fill(found.rule.cause, names) if found else _unrecognised(facts),
        _where(facts),
        _chain(facts),
        _request(facts),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _unrecognised(facts: Facts) -> str:
    if facts.trace.root and facts.guilty:
        return "This kind of failure is not one that the offline rules know."
    if facts.trace.root:
        return f"{name_of(facts.trace.root)} was raised, a failure that the offline rules do not know."
    said = facts.stack_start or facts.content.message
    if not one_line(said):
        return "The event has no message and no stack, so the cause cannot be told."
    return f"The event only says {quoted(said)}, which does not tell the cause."


def _where(facts: Facts) -> str:
    root, guilty, deepest = facts.trace.root, facts.guilty, facts.deepest
    if root is None or guilty is None:
        return ""
    source = f", at {quoted(guilty.source, 160)}" if guilty.source and guilty.source.strip() else ""
    what = name_of(root)
    if not guilty.in_app:
        return f"{what} came out of library code, {place_of(guilty)}{source}."
    if deepest is None or deepest is guilty or deepest.in_app:
        return f"{what} was raised in {place_of(guilty)}{source}."
    return (
        f"{what} was raised in library code, {place_of(deepest)}; the call there came from "
        f"{place_of(guilty)}{source}."
    )


def _chain(facts: Facts) -> str:
    outermost, root = facts.trace.outermost, facts.trace.root
    if outermost is not None and outermost is not root:
        between = len(facts.trace.exceptions) - 2
        via = f", with {between} more in between" if between else ""
        return f"It reached the caller as {name_of(outermost)}{via}."
    message = facts.content.message.strip()
    shown = root.header if root else facts.stack_start
    telling = (root.message.strip() if root else "") or shown
    if telling in message or message in shown:
        return ""
    said = f" ({quoted(shown, 160)})" if facts.guilty is None else ""
    return f"The program reported this{said} as {quoted(message, 160)}."


def _request(facts: Facts) -> str:
    status = facts.content.status_code
    if not facts.request:
        return ""
    answered = f", which was answered with {status}" if status else ""
    return f"It happened during {quoted(facts.request)}{answered}."


def _suggested_fix(facts: Facts, found: Recognised | None, names: dict[str, str]) -> str:
    steps = [fill(step, names) for step in found.rule.fix] if found else _general_steps(facts, names)
    steps = [step[:1].upper() + step[1:] for step in steps]
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _general_steps(facts: Facts, names: dict[str, str]) -> list[str]:
    request = f" for {quoted(facts.request)}" if facts.request else ""
    if place := names.get("place"):
        return [
            f"Start at {place}: read which check or call there gives this message.",
            f"Log the inputs of that call, and repeat the request{request} with the same ones.",
        ]
    return [
        f"Look for this message in the program's log{request}, and read the lines before it.",
        "Send the stack with the event (field: stack), and the original exception's message.",
        "With OPENAI_API_KEY or GEMINI_API_KEY set, a model reads events such as this one.",
    ]


def _unknowns(facts: Facts, found: Recognised | None, names: dict[str, str]) -> tuple[str, ...]:
    unknowns = [_missing_location(facts)]
    if found is None:
        unknowns.append("Which kind of failure this is: no rule of the offline analyser fits.")
    elif found.rule.unknown:
        unknowns.append(fill(found.rule.unknown, names))
    if not facts.content.release:
        unknowns.append("Which release this was: none was sent, so it cannot be tied to a deployment.")
    return tuple(unknown for unknown in unknowns if unknown)


def _missing_location(facts: Facts) -> str:
    if not (facts.content.stack or "").strip():
        return "Where in the code it happened: no stack was sent."
    if facts.guilty is None:
        return "Where in the code it happened: the stack text shows no frames that could be read."
    if not facts.own_code:
        return "Which part of your own code led there: the stack shows library frames only."
    return ""


def _confidence(facts: Facts, found: Recognised | None, names: dict[str, str]) -> float:
    """Modest by design: rules see words, not causes. Each thing that the text shows adds a little."""
    if found is None:
        return 0.25 if facts.own_code else 0.2 if facts.guilty else 0.1
    confidence = 0.25 if found.rule.vague else 0.35
    confidence += 0.05 if found.names else 0.0
    confidence += 0.05 if _has_typed_root(facts.trace) else 0.0
    if facts.own_code:
        confidence += 0.15
    elif facts.guilty:
        confidence += 0.05
    return min(round(confidence, 2), _MOST_CONFIDENT)


def _has_typed_root(trace: StackTrace) -> bool:
    """A type of its own, not the base class that says nothing."""
    return trace.root is not None and trace.root.type not in {"", "Error", "Exception", "RuntimeError"}
