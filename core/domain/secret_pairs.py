"""Secrets in text that stand beside their name: `password=…`, `"token": "…"`, `Cookie: …`."""

from __future__ import annotations

import re

from core.domain.secret_names import is_secret_name, is_telling, is_working_directory

MASK = "[scrubbed]"

_BREAKS = r"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_SEPARATOR = (
    r"""\\*+(?:["'`]|%2[27])?(?:\]|%5[dD])?(?:\[\d{0,4}\]|%5[bB]\d{0,4}%5[dD])?"""
    r"[ \t]*+(?:=>|:=|=(?!=)|:(?!:)|%3[aAdD])(?:[ \t]|%20|\+(?=%22))*+"
)
_ENDS_VALUE = rf"""\s{_BREAKS}"'`&;,)\]}}<>"""
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

_NAME = re.compile(rf"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]++)({_SEPARATOR}|>)")
_FLAG = re.compile(r"(?<![\w-])--([A-Za-z0-9_-]++)([ \t]++)(?![-=:])", re.ASCII)
_QUOTED = rf"""
    (?P<open>\\++["'])(?:[^"'\\{_BREAKS}]|\\++(?!["'\\]))*+(?P<close>\\++["'])?+
  | [bBuUrRfF]{{0,2}}"(?:[^"\\{_BREAKS}]|\\[^{_BREAKS}]|\\)*+"?+
  | [bBuUrRfF]{{0,2}}'(?:[^'\\{_BREAKS}]|\\[^{_BREAKS}]|\\)*+'?+
"""
_VALUE = re.compile(
    rf"""(?:{_QUOTED}
  | `[^`{_BREAKS}]*+`?+
  | %22(?:[^%&\s"'`{_BREAKS}]|%5C%22|%(?!22))*+(?:%22(?:(?=[A-Za-z0-9]){_BARE_RUN})?+)?+
  | [\[({{][^\])}}{_BREAKS}]*+[\])}}]?+(?:(?=[A-Za-z0-9]){_BARE_RUN})?+
  | [A-Za-z_][A-Za-z0-9_.]*+\([^){_BREAKS}]*+\)?+(?:(?=[A-Za-z0-9]){_BARE_RUN})?+
  | (?:(?:Bearer|Basic|Digest|Token|Negotiate|Bot|ApiKey)(?:[ \t]++|%20|\+))?+{_BARE_RUN}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_OPENING = re.compile(r"""[bBuUrRfF]{0,2}["']|`""")
_ELEMENT = re.compile(rf"(?P<open>)(?P<close>)[^<{_BREAKS}]++(?=</)")
_LISTED = re.compile(
    r"""[(\[]\s*+[bu]?\\*+["']([\w.:\[\] -]{1,100}+)(\\*+["']\s*+,\s*+)(?=[bu]?\\*+["'])""", re.ASCII
)
_LISTED_VALUE = re.compile(rf"""(?:{_QUOTED})(?!\s*+,\s*+[bu]?\\*+["'])""", re.VERBOSE)
"""`('Cookie', '…')` is a pair of a name and its value; a longer list is one of names."""

_NAMED = re.compile(
    r"""(?<![\w-])(?:name|key|header)\\*+["']?[ \t]*+(?:=>|[=:])[ \t]*+\\*+["']([\w.:\[\] -]{1,100}+)
    (\\*+["'](?:[ \t]++(?!value\b)[\w:.-]{1,40}+=\\*+["'][^"'<>\n\r\\]{0,80}+\\*+["']){0,3}
    (?:[,\s]|\\++[nrt](?!\w))*+\\*+["']?(?<![\w-])values?\\*+["']?[ \t]*+(?:=>|[=:])[ \t]*+)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""`<add key="Password" value="…"/>`, `{"name": "password", "value": "…"}`."""

_LINE_END = r"(?:\r?\n|(?:\\++r)?+\\++n)"
_PART = re.compile(
    rf"""(?<![\w-])name=\\*+["']?([\w.:\[\]-]{{1,100}}+)
    (\\*+["']?(?:{_LINE_END}[\w-]{{1,40}}+:[^\n\r\\]{{0,100}}+){{0,2}}{_LINE_END}{{2}})""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PART_VALUE = re.compile(rf"(?P<open>)(?P<close>)(?:[^\\{_BREAKS}]|\\++(?![rn\\]))++")
"""Multipart forms: the value is the line after the blank one; both may be escaped."""

_HEADER = re.compile(
    rf"""(?<![A-Za-z0-9_])((?:proxy-|x-)?authorization|(?:set-)?cookie)([ \t]*+:[ \t]*+)
    (?!["'\\\[{{])((?:[^"'`{{}}{_BREAKS}]|(?<==)"[^"{_BREAKS}]*+"?+|(?<==)'[^'{_BREAKS}]*+'?+)++)""",
    re.VERBOSE | re.IGNORECASE,
)

_CODE = re.compile(
    r"(?:await +)?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*+"
    r"(?:\((?:[\w\s.,=*]|[\"'][A-Z][A-Z0-9_]+[\"'])*\)|\[[\"'][\w-]*[\"']\])$",
    re.ASCII,
)
_LONGEST_KEPT = 200
_POSITION = re.compile(r"\d+(?::\d+)?\)?$")
_SPEAKS_OF_SYNTAX = (
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


def scrub_headers(text: str, lowered: str) -> str:
    """Authorization and Cookie header lines: their values hold spaces and run to the line's end."""
    if "authorization" not in lowered and "cookie" not in lowered:
        return text
    return _HEADER.sub(_masked_header, text)


def _masked_header(match: re.Match[str]) -> str:
    value = match[3].rstrip(" \t")
    if is_telling(value.partition(" ")[0]):
        return match[0]
    return match[1] + match[2] + MASK


def scrub_pairs(text: str, lowered: str) -> str:
    """Values beside a secret name; the name and the quotes stay."""
    if not any(stem in lowered for stem in _STEMS):
        return text
    text = _mask_values(text, _NAME, _VALUE)
    if "--" in text:
        text = _mask_values(text, _FLAG, _VALUE)
    if "'," in text or '",' in text:
        text = _mask_values(text, _LISTED, _LISTED_VALUE)
    if "value" in lowered:
        text = _mask_values(text, _NAMED, _VALUE)
    return _mask_values(text, _PART, _PART_VALUE) if "name=" in lowered else text


def _mask_values(text: str, names: re.Pattern[str], values: re.Pattern[str]) -> str:
    """A value that was kept goes after all when it holds a secret name: so no text is scanned twice."""
    parts: list[str] = []
    done = 0
    kept: re.Match[str] | None = None
    for match in names.finditer(text):
        if match.end() < done or not _names_secret(text, match):
            continue
        if kept is not None and match.end() < kept.end():
            parts += (text[done : kept.start()], _masked(kept))
            done = kept.end()
            continue
        value = (_ELEMENT if match[2] == ">" else values).match(text, match.end())
        if value is None:
            continue
        if _is_kept(text, match, value[0]):
            kept = value
            continue
        parts += (text[done : match.end()], _masked(value))
        done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _names_secret(text: str, match: re.Match[str]) -> bool:
    name, start = match[1], match.start()
    before = text[start - 1 : start]
    if match[2] == ">" and before != "<":
        return False
    if before == "%":
        name = name[2:]
    if is_secret_name(name):
        return True
    lowered = name.lower()
    if lowered in {"sig", "signature"}:
        return before in {"?", "&"}
    first_words = _TWO_WORD_NAMES.get(lowered)
    return first_words is not None and before == " " and _word_before(text, start).endswith(first_words)


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
        return bool(_POSITION.match(value))
    if match[1].lower() == "token" and _word_before(text, match.start()).endswith(_SPEAKS_OF_SYNTAX):
        return len(value) < 8 or not any(char.isdigit() for char in value)
    if separator.startswith(" ") and separator.strip() == "=":
        return bool(_CODE.match(text[match.end() : match.end() + _LONGEST_KEPT].partition("\n")[0].rstrip()))
    return False


def _word_before(text: str, position: int) -> str:
    return text[max(0, position - 16) : position].rstrip().lower()


def _masked(value: re.Match[str]) -> str:
    if escaped := value["open"]:
        return f"{escaped}{MASK}{value['close'] or ''}"
    text = value[0]
    if text.startswith("%22"):
        return f"%22{MASK}%22" if len(text) > 5 and text.endswith("%22") else MASK
    if opening := _OPENING.match(text):
        quote = opening[0][-1]
        closed = len(text) > opening.end() and text.endswith(quote)
        return f"{opening[0]}{MASK}{quote if closed else ''}"
    return MASK
