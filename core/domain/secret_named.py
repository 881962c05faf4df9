"""Secrets whose name stands apart from them: `name="password" value="…"`, XML elements, forms, YAML."""

from __future__ import annotations

import re

from core.domain.expressions import expression
from core.domain.secret_names import is_secret_name
from core.domain.secret_pairs import BREAKS, MASK, VALUE, mask_values
from core.domain.signs import may_match

_SAYS_NAME = r"(?<![\w-])(?:name|key|header)"
_ATTRIBUTES = (
    r"""(?:[ \t]++(?!(?:name|key|header|values?)\b)[\w:.-]{1,40}+="""
    r"""\\*+["'][^"'<>\n\r\\]{0,80}+\\*+["']){0,3}"""
)
_GAP = r"""(?:[,\s]|\\++[nrt](?!\w))*+\\*+["']?"""
_IS = r"""\\*+["']?[ \t]*+(?:=>|[=:])[ \t]*+"""

_NAMED = expression(
    rf"""{_SAYS_NAME}{_IS}\\*+["']([\w.:\[\] -]{{1,100}}+)"""
    rf"""(\\*+["']{_ATTRIBUTES}{_GAP}(?<![\w-])values?{_IS})""",
    re.IGNORECASE | re.ASCII,
)
"""`<add key="Password" value="…"/>`, `{"name": "password", "value": "…"}`."""

_VALUE_FIRST = expression(
    rf"""((?<![\w-])values?{_IS}\\*+["'])([^"'\\{BREAKS}]{{1,4096}}+)"""
    rf"""(\\*+["']{_ATTRIBUTES}{_GAP}{_SAYS_NAME}{_IS}\\*+["'])([\w.:\[\] -]{{1,100}}+)(?=\\*+["'])""",
    re.IGNORECASE | re.ASCII,
)
"""The same in the other order."""

_YAML = expression(
    r"(?<![\w-])(?:name|key):[ \t]++([\w.-]{1,100}+)(\r?\n[ \t]++value:[ \t]++)", re.IGNORECASE | re.ASCII
)
"""A container's environment in a manifest."""

_VALUE_SIGN = expression(rf"values?{_IS}")
"""In lower case, a part of whatever the three before match."""

_LINE_END = r"(?:\r?\n|(?:\\++r)?+\\++n)"
_PART = expression(
    rf"""(?<![\w-])name=\\*+["']?([\w.:\[\]-]{{1,100}}+)
    (\\*+["']?(?:{_LINE_END}[\w-]{{1,40}}+:[^\n\r\\]{{0,100}}+){{0,2}}{_LINE_END}{{2}})""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PART_VALUE = expression(rf"(?P<open>)(?P<close>)(?:[^\\{BREAKS}]|\\++(?![rn\\]))++")
"""Multipart forms: the value is the line after the blank one; both may be escaped."""

_ELEMENT = expression(
    rf"<(?:[\w-]{{1,40}}+:)?+([\w.-]{{1,100}}+)((?:\s[^<>{BREAKS}]{{0,300}}+)?>\s{{0,40}}+)"
)
_ELEMENT_NAMED_BY = expression(
    rf"""<[\w:.-]{{1,60}}+\s(?:[^<>{BREAKS}]{{0,120}}[ ])?(?:name|key)=["']([\w.:\[\]-]{{1,100}}+)
    (["'][^<>{BREAKS}]{{0,200}}+(?<!/)>)""",
    re.VERBOSE | re.IGNORECASE,
)
_ELEMENT_AFTER = expression(
    rf"""<(?:[\w-]{{1,40}}:)?(?:[\w-]{{1,20}}-)?(?:key|name|field|header|property)>\s{{0,40}}+([\w.:\[\]-]{{1,100}}+)
    (\s{{0,40}}+</[\w:-]{{1,60}}+>\s{{0,80}}+<[\w:-]{{1,60}}+(?:\s[^<>{BREAKS}]{{0,200}}+)?>)""",
    re.VERBOSE | re.IGNORECASE,
)
_ELEMENT_TEXT = expression(
    rf"(?P<open>(?:<!\[CDATA\[)?+)(?P<close>)(?:[^<\]{BREAKS}]|\](?!\]>))++(?=\s{{0,40}}(?:</|\]\]>))"
)
"""`<password>…</password>`, `<entry key="password">…`, `<key>password</key><string>…</string>`."""


def scrub_named(text: str, lowered: str) -> str:
    """Values that another attribute, element or line names. For texts that `may_name_secret`."""
    if "</" in text:
        for element in (_ELEMENT, _ELEMENT_NAMED_BY, _ELEMENT_AFTER):
            text = mask_values(text, element, _ELEMENT_TEXT)
    if (
        "value" in lowered
        and may_match(_VALUE_SIGN, lowered)
        and any(word in lowered for word in ("name", "key", "header"))
    ):
        text = mask_values(text, _NAMED, VALUE)
        text = mask_values(text, _YAML, VALUE) if "value:" in lowered else text
        text = _VALUE_FIRST().sub(_masked_before_name, text)
    return mask_values(text, _PART, _PART_VALUE) if "name=" in lowered else text


def _masked_before_name(match: re.Match[str]) -> str:
    if not is_secret_name(match[4]):
        return match[0]
    return f"{match[1]}{MASK}{match[3]}{match[4]}"
