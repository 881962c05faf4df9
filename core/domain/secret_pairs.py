"""Secrets in text that stand beside their name: `password=…`, `"token": "…"`, `Cookie: …`."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.domain.expressions import Expression, expression
from core.domain.literals import any_of
from core.domain.secret_names import is_secret_name, is_telling, is_working_directory

MASK = "[scrubbed]"

BREAKS = r"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_PERCENT = r"%(?:25)*+"
"""Percent-encoded once or more often."""
_ENTITY = r"&(?:quot|apos|\#0?3[49]|\#x2[27]);"
_IS = (
    rf"""\\*+(?:["'`]|{_PERCENT}2[27]|{_ENTITY}|u002[27])?(?:\]|{_PERCENT}5[dD])?"""
    rf"(?:\[\d{{0,4}}\]|{_PERCENT}5[bB]\d{{0,4}}{_PERCENT}5[dD])?[ \t]*+"
    rf"(?:=>|:=|=(?!=)|:(?!:)|{_PERCENT}3[aAdD]|&(?:equals|colon|\#61|\#58|\#x3[aAdD]);)"
)
_SEPARATOR = (
    rf"{_IS}(?:[ \t]|%20|\+(?=%22))*+"
    # A YAML block's mark, and what PHP's var_dump says before a text.
    r"(?:[|>][-+]?[ \t]*+\r?\n[ \t]++|\s{0,40}+string\(\d{1,9}\)[ \t]++)?"
)
_ENDS_VALUE = rf"""\s{BREAKS}"'`&;,)\]}}<>"""
_BARE_RUN = (
    rf"(?:[^{_ENDS_VALUE}]"
    # A quote, bracket or comma inside a generated password: it goes on with a letter or digit,
    # unless that begins the next `name=` of a connection string or query.
    r"""|["'`,)\];}<>](?=[A-Za-z0-9])(?![\w. \t-]{1,40}[=:]))++"""
)

_STEMS = (
    "pass",
    "pwd",
    "secret",
    "key",
    "auth",
    "credential",
    "token",
    "bearer",
    "cookie",
    "session",
    "sessid",
    "jwt",
    "csrf",
    "xsrf",
    "cvv",
    "cvc",
    "otp",
    "sig",
)
_STEM = re.compile(any_of(_STEMS))
PARTS_OF_NAMES = frozenset(_STEMS) - {"credential", "session", "sessid"} | {"cred", "sess"}
"""In lower case. Of these one is in every name that `is_secret_name`, for which `cred-ential` is one word."""
_PART = re.compile(any_of(PARTS_OF_NAMES))
_STEM_IN_NAME = expression(rf"{any_of(PARTS_OF_NAMES)}[a-z0-9_-]*+((?:\s++id)?{_IS})?")
"""In lower case. A name from its stem to its end and, where it follows, the sign that its value is next."""

_NAME = expression(rf"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]++)({_SEPARATOR})")
_FLAG = expression(r"(?<![\w-])--?([A-Za-z0-9_-]++)([ \t]++)(?![-=:])", re.ASCII)
_ESCAPED_QUOTE = rf"""\\++["']|\\++u002[27]|{_ENTITY}"""
QUOTED = rf"""
    (?P<open>{_ESCAPED_QUOTE})(?:[^"'\\&{BREAKS}]|\\++(?!["'\\]|u002[27])|&(?!{_ENTITY[1:]}))*+
    (?P<close>{_ESCAPED_QUOTE})?+
  | [bBuUrRfF]{{0,2}}"(?:[^"\\{BREAKS}]|\\[^{BREAKS}]|\\)*+"?+
  | [bBuUrRfF]{{0,2}}'(?:[^'\\{BREAKS}]|\\[^{BREAKS}]|\\)*+'?+
"""
"""In VERBOSE patterns. `open` and `close` are quotes that are escaped themselves."""
VALUE = expression(
    rf"""(?:{QUOTED}
  | `[^`{BREAKS}]*+`?+
  | {_PERCENT}22(?:[^%&\s"'`{BREAKS}]|{_PERCENT}5C{_PERCENT}22|%(?!(?:25)*+22))*+
    (?:{_PERCENT}22(?:(?=[A-Za-z0-9]){_BARE_RUN})?+)?+
  | [\[({{][^\])}}{BREAKS}]*+[\])}}]?+(?:(?=[A-Za-z0-9]){_BARE_RUN})?+
  | [A-Za-z_][A-Za-z0-9_.]*+\([^){BREAKS}]*+\)?+(?:(?=[A-Za-z0-9]){_BARE_RUN})?+
  | (?:(?:Bearer|Basic|Digest|Token|Negotiate|Bot|ApiKey)(?:[ \t]++|%20|\+))?+{_BARE_RUN}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_OPENING = expression(r"""[bBuUrRfF]{0,2}["']|`""")
_ENCODED_SIGN = expression(r"^(?:25)*[0-9A-Fa-f]{2}")
_PERCENT_QUOTE = expression(f"{_PERCENT}22")

_CODE = expression(
    r"(?:await +)?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*+"
    r"(?:\((?:[\w\s.,=*]|[\"'][A-Z][A-Z0-9_]+[\"'])*\)|\[[\"'][\w-]*[\"']\])$",
    re.ASCII,
)
_LONGEST_KEPT = 200
_POSITION = expression(r"\d+(?::\d+)?\)?$")
SPEAKS_OF_SYNTAX = (
    "unexpected",
    "illegal",
    "invalid",
    "unrecognized",
    "expected",
    "unknown",
    "next",
    "last",
)
_TWO_WORD_NAMES = {
    "key": ("api", "access", "private", "secret", "signing", "encryption", "account"),
    "id": ("session",),
}


def scrub_pairs(text: str, lowered: str, names_from: int) -> str:
    """Values beside a secret name; the name and the quotes stay. For texts that `may_name_secret`."""
    if any(_STEM_IN_NAME().findall(lowered, names_from)):
        text = mask_values(text, _NAME, VALUE)
    return mask_values(text, _FLAG, VALUE) if " -" in text or text.startswith("-") else text


def names_from(lowered: str) -> int | None:
    """Where the first part of a secret's name begins. None: no part of the text is one."""
    found = _PART.search(lowered)
    return found and found.start()


def may_name_secret(lowered: str, names_from: int) -> bool:
    """False: no part of the text is the name of a secret that stands beside it."""
    return _STEM.search(lowered, names_from) is not None


def mask_values(
    text: str,
    names: Expression,
    values: Expression,
    *,
    is_wanted: Callable[[str, re.Match[str]], bool] | None = None,
    is_kept: Callable[[str, re.Match[str], str], bool] | None = None,
) -> str:
    """The text without the values that follow a secret's name.

    Of `names` group 1 is the name, group 2 what stands between it and its value. A value that was
    kept goes after all when it holds a secret name: so no text is scanned twice.
    """
    is_wanted, is_kept = is_wanted or _names_secret, is_kept or _is_kept
    parts: list[str] = []
    done = 0
    kept: re.Match[str] | None = None
    for match in names().finditer(text):
        if match.end() < done or not is_wanted(text, match):
            continue
        if kept is not None and match.end() < kept.end():
            parts += (text[done : kept.start()], masked(kept))
            done = kept.end()
            continue
        value = values().match(text, match.end())
        if value is None:
            continue
        if is_kept(text, match, value[0]):
            kept = value
            continue
        parts += (text[done : match.end()], masked(value))
        done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _names_secret(text: str, match: re.Match[str]) -> bool:
    name, start = match[1], match.start()
    before = text[start - 1 : start]
    if before == "%":
        name = _ENCODED_SIGN().sub("", name)
    if is_secret_name(name):
        return True
    lowered = name.lower()
    if lowered in {"sig", "signature"}:
        return before in {"?", "&"}
    first_words = _TWO_WORD_NAMES.get(lowered)
    return first_words is not None and before == " " and word_before(text, start).endswith(first_words)


def _is_kept(text: str, match: re.Match[str], value: str) -> bool:
    """Whether the value is no secret after all: a word of the message, a place in a file, source code."""
    if len(value.replace(MASK, "")) > _LONGEST_KEPT:
        return False
    if is_telling(value) or value in {'""', "''"}:
        return True
    if is_working_directory(match[1], value):
        return True
    separator = match[2]
    if separator == ":" and text[match.start() - 1 : match.start()] in {"/", "\\", "."}:
        return bool(_POSITION().match(value))
    if match[1].lower() == "token" and word_before(text, match.start()).endswith(SPEAKS_OF_SYNTAX):
        return len(value) < 8 or not any(char.isdigit() for char in value)
    if separator.startswith(" ") and separator.strip() == "=":
        return bool(
            _CODE().match(text[match.end() : match.end() + _LONGEST_KEPT].partition("\n")[0].rstrip())
        )
    return False


def word_before(text: str, position: int) -> str:
    return text[max(0, position - 16) : position].rstrip().lower()


def masked(value: re.Match[str]) -> str:
    if escaped := value["open"]:
        return f"{escaped}{MASK}{value['close'] or ''}"
    text = value[0]
    if percent := _PERCENT_QUOTE().match(text):
        sign = percent[0]
        return f"{sign}{MASK}{sign}" if len(text) > 2 * len(sign) - 1 and text.endswith(sign) else MASK
    if opening := _OPENING().match(text):
        quote = opening[0][-1]
        closed = len(text) > opening.end() and text.endswith(quote)
        return f"{opening[0]}{MASK}{quote if closed else ''}"
    return MASK
