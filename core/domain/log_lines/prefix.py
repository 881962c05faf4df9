"""What stands before a plain line's message: time, level, thread, logger, request."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

from core.domain.log_lines import levels

_HEAD = 500
_MOST_TOKENS = 24
_MOST_WORDS = 3

_TOKEN = re.compile(r"\S+")
_TIME = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d|\d\d?:\d\d:\d\d")
_WORD = re.compile(r"[A-Za-z]+")
_LAST_WORD = re.compile(r"(?:^|[.:=|\]\[])([A-Za-z]{3,11})$")
_KEYED = re.compile(r"(?:level|lvl|severity|log_?level|levelname)=\"?([A-Za-z]{3,11})\"?$")
_CALENDAR = frozenset(calendar.day_abbr) | frozenset(calendar.month_abbr) | {"AM", "PM", "UTC", "GMT", "Z"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CLOSING = frozenset({"", "]", ")", ">", "|", ":", ",", ";"})
_QUOTES = "\"'{"
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d{1,9} +\d{1,9} [\w./-]{1,200}:\d{1,9}\] ")
# What follows the level before the message, in the formats that put something there.
_AFTER = re.compile(
    r"\t\d{4}-\d\d-\d\dT[\d:.]{8,20}Z\t[\w-]{0,64}\t"  # Lambda's Python
    r"|:[\w.]{1,200}:"  # logging.basicConfig
    r"|\s{0,9}\d{1,9} --- (?:\[[^\]\n]{0,200}\] ){1,3}[^\s]{1,200} +: "  # Spring Boot
    r"|(?: [\w-]{0,64})? -- [^:\n]{0,100}: "  # Ruby
    r"|\s{1,9}(?:[\w$]{1,100}\.){1,20}[\w$]{1,100} - "  # Logback
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """`is_error` None: the line names no level. `keyed`: its level is one of several name=value pairs.

    `body` is the text from the message on, all lines of it.
    """

    is_error: bool | None
    body: str
    request_id: str | None = None
    keyed: bool = False


@dataclass(kw_only=True, slots=True)
class _Scan:
    """Reads tokens until a level, or until one that belongs to a message.

    `body` is where a message without a level begins: behind the time, if there is one.
    """

    saw_time: bool = False
    body: int | None = None
    words: int = 0
    brackets: int = 0

    def takes(self, token: str, at: int) -> bool:
        """Whether the token may stand before a level."""
        if self._is_mark(token):
            return True
        if self.body is None:
            self.body = at if self.saw_time else 0
        self.words += 1
        return self.saw_time and self.words <= _MOST_WORDS and token[0] not in _QUOTES

    def _is_mark(self, token: str) -> bool:
        """Times, numbers, ids, and what brackets hold; all else is a word."""
        inside = self.brackets > 0
        self.brackets = max(0, self.brackets + token.count("[") - token.count("]"))
        self.saw_time = self.saw_time or _TIME.search(token) is not None
        if inside or token[0] in "[(<" or len(token) <= 2 or token in _CALENDAR:
            return True
        if token[0] in _QUOTES:
            return False
        return any(map(str.isdigit, token)) or not any(map(str.isalpha, token))


def begins_with_time(text: str) -> bool:
    return _TIME.match(text, 1 if text[:1] == "[" else 0) is not None


def split_prefix(text: str) -> Prefix:
    head = text[:_HEAD].partition("\n")[0]
    klog = _KLOG.match(head)
    if klog:
        return Prefix(is_error=klog[1] in "EF", body=text[klog.end() :])
    scan = _Scan()
    for number, token in enumerate(_TOKEN.finditer(head)):
        found = _level_in(token.group(), _tabbed(head, token), in_brackets=scan.brackets > 0)
        if found is not None:
            is_error, length, keyed = found
            return _levelled(text, token.start() + length, is_error=is_error, keyed=keyed)
        if number >= _MOST_TOKENS or not scan.takes(token.group(), token.start()):
            return Prefix(is_error=None, body=text[scan.body or 0 :], request_id=_id(head[: token.start()]))
    return Prefix(is_error=None, body=text)


def _levelled(text: str, end: int, *, is_error: bool, keyed: bool) -> Prefix:
    while text[end : end + 1] in ("]", ")", ">", "|"):
        end += 1
    after = _AFTER.match(text, end)
    if after:
        end = after.end()
    body = text[end:].lstrip("])>|:,; \t")
    # A dash parts the level from the message; before a digit it is the message's own.
    body = body[1:].lstrip() if body.startswith(("- ", "-\t")) else body
    return Prefix(is_error=is_error, body=body, request_id=_id(text[:end]), keyed=keyed)


def _id(before: str) -> str | None:
    found = _UUID.search(before)
    return found.group() if found else None


def _tabbed(head: str, token: re.Match[str]) -> bool:
    return head[token.start() - 1 : token.start()] == "\t" and head[token.end() : token.end() + 1] == "\t"


def _level_in(token: str, tabbed: bool, *, in_brackets: bool) -> tuple[bool, int, bool] | None:
    """Whether the token's level is an error, where in the token it ends, and whether it is a pair's value."""
    keyed = _KEYED.match(token)
    if keyed:
        return _judged(levels.word(keyed[1]), len(token), keyed=True)
    return _first_word(token, tabbed, in_brackets=in_brackets) or _last_word(token)


def _first_word(token: str, tabbed: bool, *, in_brackets: bool) -> tuple[bool, int, bool] | None:
    """`[ERROR]`, `ERROR:root:`, `error:`, and Celery's `ERROR/ForkPoolWorker-1]`."""
    first = _WORD.match(token, len(token) - len(token.lstrip("[(<|*")))
    if first is None:
        return None
    word, following = first.group(), token[first.end() : first.end() + 1]
    if following == "/" and in_brackets:
        return _judged(levels.word_in_capitals(word), len(token), keyed=False)
    if following not in _CLOSING:
        return None
    enclosed = token[0] in "[<" and following in {"]", ">"}
    set_apart = tabbed or enclosed or (following == ":" and word.islower())
    judge = levels.word_in_text if set_apart else levels.word_in_capitals
    return _judged(judge(word), first.end(), keyed=False)


def _last_word(token: str) -> tuple[bool, int, bool] | None:
    """`production.ERROR:`, `[php:error]`, `UTC:10.0.0.5(52118):app@shop:[4711]:ERROR:`."""
    bare = token.rstrip("])>|:,;*")
    last = _LAST_WORD.search(bare) if bare != token else None
    if last is None:
        return None
    judge = levels.word_in_text if token[-1] in "]>" else levels.word_in_capitals
    return _judged(judge(last[1]), len(token), keyed=False)


def _judged(is_error: bool | None, end: int, *, keyed: bool) -> tuple[bool, int, bool] | None:
    return None if is_error is None else (is_error, end, keyed)
