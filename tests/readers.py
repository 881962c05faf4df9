"""All that reads clients' texts, with texts that are known to hurt and near matches of its expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import ModuleType

import core.domain.log_lines
import core.domain.stacktrace
from core.domain import (
    clean,
    project_noise,
    project_pieces,
    scrub,
    secret_encoded,
    secret_lists,
    secret_named,
    secret_names,
    secret_pairs,
    secret_prose,
    secret_shapes,
    tags,
    templates,
)
from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.log_lines import LogLine, join, read
from core.domain.metadata import ProjectText, Wishes
from core.domain.project_cut import cut_parts
from core.domain.stacktrace import parse
from core.errors import InvalidInput
from handlers import bodies
from tests.linear import Shape
from tests.near_matches import patterns_of, shapes_of
from worker.prompts.analysis import build
from worker.providers.extractor import extract
from worker.providers.heuristic import analyse

_UNITS = (
    *"a1 \n\r\t\0()[{<\"'\\/.:=-\u00e9\u4e2d\U0001f600\u202e\u200b\u200d\u0130\ufdfa\u2028",
    *(
        "\\\\",
        '\\"',
        "a:",
        "a.",
        "a=",
        "a(",
        "(a)",
        "a\n",
        " a",
        "e\u0301",
        "a\u0300\u0301\u0302",
        "\x1b[31m",
    ),
    *("%20", " at ", "at a (b:1:1)\n", "Error: ", "Caused by: ", '"a" ', "a b\n", "a@b.c ", "http://a/"),
)
ANY = (
    *(Shape(unit=unit) for unit in _UNITS),
    Shape(unit="(", tail=")"),
    Shape(unit=" ", head="a", tail="a"),
    Shape(unit='"\\', head='"'),
)
_JSON = ('{"a":', "[1,", '"\\ud800",', "9", "1e9,", '"\\u0000', "[[],", "-", "NaN,", '{"a":1,')


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`modules` hold the expressions that `run` uses."""

    name: str
    run: Callable[[str], object]
    modules: tuple[ModuleType, ...] = ()
    more: tuple[Shape, ...] = ()

    def shapes(self) -> list[Shape]:
        return [*ANY, *self.more, *shapes_of(patterns_of(*self.modules))]


_SECRETS = (
    scrub,
    secret_encoded,
    secret_lists,
    secret_named,
    secret_names,
    secret_pairs,
    secret_prose,
    secret_shapes,
)


def _decoded(text: str) -> object:
    try:
        return bodies.decode(text.encode(errors="surrogatepass"))
    except InvalidInput:
        return None


def _event(text: str) -> EventContent:
    return EventContent(message=text, path=text, stack=text, method=text, status_code=500)


def _anew(run: Callable[[str], object]) -> Callable[[str], object]:
    """Never the same text twice: what is remembered of it costs nothing to find again."""
    numbers = count()
    return lambda text: run(f"{text}\n{next(numbers)}")


def _join(text: str) -> object:
    lines = enumerate(text.split("\n"))
    return join(LogLine(id=str(number), timestamp=0, text=line) for number, line in lines)


READERS = (
    Reader(name="stack", run=parse, modules=(core.domain.stacktrace,)),
    Reader(
        name="fingerprint",
        run=_anew(lambda text: fingerprint(_event(text))),
        modules=(templates,),
    ),
    Reader(name="scrubber", run=_anew(scrub.scrub_text), modules=_SECRETS),
    Reader(name="scrubbed names", run=_anew(lambda text: scrub.scrub_json({text: [text, "a"]}))),
    Reader(name="log event", run=lambda text: read(text, source="web"), modules=(core.domain.log_lines,)),
    Reader(name="log lines", run=_join, modules=(core.domain.log_lines,)),
    Reader(
        name="project text",
        run=lambda text: cut_parts(ProjectText(title=text, description=text, content=text)),
        modules=(project_noise, project_pieces),
    ),
    Reader(name="extractor", run=lambda text: extract(ProjectText(title=text, content=text), Wishes())),
    Reader(name="offline analyser", run=_anew(lambda text: analyse(_event(text)))),
    Reader(name="prompt", run=_anew(lambda text: build(_event(text)))),
    Reader(name="tag", run=tags.normalise_tag, modules=(tags,)),
    Reader(name="cleaning", run=lambda text: clean.clean_json({text: text})),
    Reader(
        name="body",
        run=_decoded,
        more=tuple(Shape(unit=unit, head=head) for head in ("", "[", '{"a":') for unit in _JSON),
    ),
)
