"""Which errors are the same error: the rule by which events are grouped, and the group's title.

An event whose stack names frames is known by its exceptions' types and the functions they passed through.
Any other event is known by its request and by what its message says once ids, times and addresses are out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import unquote

from core.domain.event import EventContent
from core.domain.stacktrace import ExceptionInfo, Frame, Language, StackTrace, parse
from core.domain.stacktrace.names import frame_key, frame_name

FINGERPRINT_VERSION = 1
MAX_TITLE = 200
_MAX_FRAMES = 20
_MAX_LINKS = 8
_MAX_MESSAGE_READ = 1_000
_MAX_MESSAGE = 300
_MAX_PATH = 1_000
_MAX_METHOD = 20
_MAX_SEGMENTS = 20

# What Go and PHP call an error that has no type of its own, and a stack that names none.
_TYPES_THAT_TELL_NOTHING = frozenset(
    {"", "panic", "error", "fatal error", "Fatal error", "Parse error", "Warning", "Notice", "Deprecated"}
)

# The parts of each alternative are bounded or cannot match the same characters, so a message is read in
# linear time. The order matters: an address has to be told before the numbers in it.
_VARIABLE = re.compile(
    r"(?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>()\[\]]+)"
    r"|(?P<email>(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4})"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"
    r"|\[?(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])\]?)"
    r"|(?P<duration>\b(?:\d{1,9}h)?(?:\d{1,9}m)?\d{1,9}(?:\.\d{1,9})?\s?"
    r"(?:ns|us|µs|ms|s|secs?|seconds?|milliseconds?|m|mins?|minutes?|h|hours?)\b)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b)"
    r"|(?P<token>\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])\w{20,}\b|\b\d(?=\d*[a-zA-Z])\w{5,}\b)"
    r"|(?P<value>=\([^()]{0,200}\)|\bentry '[^']{0,200}')"
    r"|(?P<n>(?<![A-Za-z0-9])\d+(?:[.,]\d+)*)"
)
_PLACEHOLDERS = {"value": "=(<value>)"}

_ID_SEGMENT = re.compile(
    r"-?\d+(?:\.\d+)?$"
    r"|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"
    r"|(?:0x)?(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}$"
    r"|(?=[A-Za-z_-]*\d)[\w-]{20,}$|[\w=-]{40,}$"
    r"|[a-z]{2,8}_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}$"
)
_DATE_SEGMENT = re.compile(r"\d{4}-\d\d(?:-\d\d)?(?:T[\d:.]*Z?)?$")
_NAMED_ID_SEGMENT = re.compile(r"([A-Za-z]{2,20}[-_])\d{3,}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Events of one project with the same `value` and `version` are one group.

    `value` is 32 hex digits. `title`, one line of at most MAX_TITLE characters, takes no part in grouping.
    """

    value: str
    version: int
    title: str


def fingerprint(content: EventContent) -> Fingerprint:
    """Depends on nothing but `content`; reads its whole stack once."""
    trace = parse(content.stack) if content.stack else StackTrace(language=Language.UNKNOWN)
    if any(link.frames for link in trace.exceptions):
        parts = _stack_parts(trace, content)
        title = _stack_title(trace, content)
    else:
        parts = _request_parts(trace, content)
        title = _request_title(content)
    digest = blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16)
    return Fingerprint(value=digest.hexdigest(), version=FINGERPRINT_VERSION, title=title)


def path_template(path: str | None) -> str:
    """`/users/123?page=2` -> `/users/{id}`; also `{date}` and `{email}`. "" for no path."""
    if not path:
        return ""
    bare = path[:_MAX_PATH].partition("?")[0].partition("#")[0].partition(";")[0]
    if "://" in bare:
        bare = bare.partition("://")[2].partition("/")[2]
    segments = [segment for segment in bare.split("/") if segment][:_MAX_SEGMENTS]
    return "/" + "/".join(_segment(segment) for segment in segments)


def normalise_message(message: str) -> str:
    """What the message says of every occurrence: ids, times, addresses and amounts become placeholders.

    Quoted words stay: `column "name" does not exist` and `column "age" does not exist` are two errors.
    """
    text = " ".join(message[:_MAX_MESSAGE_READ].split())
    return _VARIABLE.sub(_placeholder, text)[:_MAX_MESSAGE]


def _placeholder(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    text = match.group()
    if kind == "ip" and not any(character.isdigit() for character in text):
        # `A::B::C` is a constant of Ruby.
        return text
    if kind == "value" and text.startswith("entry"):
        return "entry '<value>'"
    return _PLACEHOLDERS.get(kind, f"<{kind}>")


def _segment(segment: str) -> str:
    segment = unquote(segment) if "%" in segment else segment
    if "@" in segment[1:]:
        return "{email}"
    stem, dot, extension = segment.rpartition(".")
    if stem and extension.isalpha() and len(extension) <= 5:
        return _without_id(stem) + dot + extension
    return _without_id(segment)


def _without_id(segment: str) -> str:
    if _DATE_SEGMENT.match(segment):
        return "{date}"
    if _ID_SEGMENT.match(segment):
        return "{id}"
    return _NAMED_ID_SEGMENT.sub(r"\1{id}", segment)


def _links(trace: StackTrace) -> list[ExceptionInfo]:
    """The whole chain, or both ends of one too long to tell by: retries wrap an error again and again."""
    links = list(trace.exceptions)
    return links if len(links) <= _MAX_LINKS else [links[0], *links[1 - _MAX_LINKS :]]


def _stack_parts(trace: StackTrace, content: EventContent) -> list[str]:
    """A message is left out where there is a type to tell one error from another."""
    links = _links(trace)
    in_app_only = any(frame.in_app for link in links for frame in link.frames)
    parts = ["stack", trace.language.value]
    for link in links:
        parts.append(link.type)
        if link.type in _TYPES_THAT_TELL_NOTHING:
            parts.append(normalise_message(link.message or content.message))
        parts += _frame_keys(trace.language, link, in_app_only=in_app_only)
    return parts


def _frame_keys(language: Language, link: ExceptionInfo, *, in_app_only: bool) -> list[str]:
    """The last frames, each function once: the depth of a recursion is chance."""
    frames = [frame for frame in link.frames if frame.in_app or not in_app_only]
    calls = {(frame.module or frame.file, frame.function): frame for frame in frames}
    keys = dict.fromkeys(frame_key(language, frame) for frame in list(calls.values())[-_MAX_FRAMES:])
    return list(keys)


def _request_parts(trace: StackTrace, content: EventContent) -> list[str]:
    """The status code itself and not its class: 502, 503 and 504 come from different places."""
    parts = [
        "request",
        _method(content),
        path_template(content.path),
        str(content.status_code),
        normalise_message(content.message),
    ]
    for link in _links(trace):
        parts += [link.type, normalise_message(link.message)]
    return parts


def _stack_title(trace: StackTrace, content: EventContent) -> str:
    """Names the root cause and the application's function nearest to it."""
    root = trace.exceptions[-1]
    said = root.message or (content.message if not root.type else "")
    what = ": ".join(part for part in (root.type, _first_line(said)) if part)
    place = _title_frame(trace)
    where = " in " + _cut(frame_name(trace.language, place), MAX_TITLE // 2)
    return _cut(what, MAX_TITLE - len(where)) + where


def _title_frame(trace: StackTrace) -> Frame:
    innermost_first = [frame for link in reversed(trace.exceptions) for frame in reversed(link.frames)]
    return next((frame for frame in innermost_first if frame.in_app), innermost_first[0])


def _request_title(content: EventContent) -> str:
    named = (_method(content), path_template(content.path), str(content.status_code))
    request = " ".join(part for part in named if part)
    return _cut(f"{request}: {_first_line(content.message)}", MAX_TITLE)


def _method(content: EventContent) -> str:
    return (content.method or "")[:_MAX_METHOD].strip().upper()


def _first_line(text: str) -> str:
    return text[: MAX_TITLE * 2].strip().partition("\n")[0]


def _cut(text: str, length: int) -> str:
    """On one line and in printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
