"""What a message and a path say of every occurrence: ids, times, addresses and amounts are out."""

from __future__ import annotations

import re
from urllib.parse import unquote

from core.domain.expressions import expression

_MAX_MESSAGE_READ = 1_000
_MAX_MESSAGE = 300
_MAX_PATH = 1_000
_MAX_SEGMENTS = 20

# The parts of each alternative are bounded or cannot match the same characters, so a message is read in
# linear time. The order matters: an address has to be told before the numbers in it.
_VARIABLE = expression(
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
_VARIABLE_SIGN = re.compile(r"[\d@:-]|=\(|entry '")
"""In whatever `_VARIABLE` matches."""
_PLACEHOLDERS = {"value": "=(<value>)"}

_ID_SEGMENT = expression(
    r"-?\d+(?:\.\d+)?$"
    r"|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"
    r"|(?:0x)?(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}$"
    r"|(?=[A-Za-z_-]*\d)[\w-]{20,}$|[\w=-]{40,}$"
    r"|[a-z]{2,8}_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}$"
)
_DATE_SEGMENT = expression(r"\d{4}-\d\d(?:-\d\d)?(?:T[\d:.]*Z?)?$")
_NAMED_ID_SEGMENT = expression(r"([A-Za-z]{2,20}[-_])\d{3,}$")


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
    if _VARIABLE_SIGN.search(text):
        text = _VARIABLE().sub(_placeholder, text)
    return text[:_MAX_MESSAGE]


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
    if _DATE_SEGMENT().match(segment):
        return "{date}"
    if _ID_SEGMENT().match(segment):
        return "{id}"
    return _NAMED_ID_SEGMENT().sub(r"\1{id}", segment)
