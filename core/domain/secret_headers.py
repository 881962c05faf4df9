"""Authorization and Cookie header lines: their values hold blanks and quotes and run to the line's end."""

from __future__ import annotations

import re

from core.domain.expressions import expression
from core.domain.secret_names import is_telling
from core.domain.secret_pairs import BREAKS, MASK

_NAMES = (
    r"(?:(?:proxy-|x-)?authorization(?=[ \t]*+:)|(?:set-)?cookie2?(?=[ \t]*+:)|http_(?:authorization|cookie))"
)
_START = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
_ESCAPED_END = r"\\++(?:r\\++n|[nr](?=[A-Za-z][\w-]{0,60}:|[\s\"'\\]|$))"

_WHOLE_LINE = expression(
    rf"(?:^|(?<=\\n)|(?<=[{BREAKS}]))([ \t>|*<+-]{{0,20}}{_NAMES})([ \t]*+[:=][ \t]*+)"
    rf"(?![\"'\\\[{{])((?:[^\\{BREAKS}]|(?!{_ESCAPED_END})\\)++)",
    re.IGNORECASE,
)
"""Where the line begins with the header, nothing else ends its value; escaped lines count."""

_IN_LINE = expression(
    rf"""{_START}({_NAMES})([ \t]*+[:=][ \t]*+)
    (?!["'\\\[{{])((?:[^"'`{{}}\\{BREAKS}]|(?<==)"[^"{BREAKS}]*+"?+|(?<==)'[^'{BREAKS}]*+'?+|(?<==)`[^`{BREAKS}]*+`?+
      |(?<==)\{{[^{{}};{BREAKS}]{{0,500}}+\}}(?=;)|(?!{_ESCAPED_END})\\(?!["']))++)""",
    re.VERBOSE | re.IGNORECASE,
)
"""Elsewhere a quote or a brace that does not belong to a cookie's own value ends it."""


def scrub_headers(text: str, lowered: str) -> str:
    """The names stay, and what ends their lines."""
    if "authorization" not in lowered and "cookie" not in lowered:
        return text
    return _IN_LINE().sub(_masked_header, _WHOLE_LINE().sub(_masked_header, text))


def _masked_header(match: re.Match[str]) -> str:
    value = match[3].rstrip(" \t")
    # A bracket or a quote that opened before the header ends with it.
    if is_telling(value.partition(" ")[0]) or value == MASK:
        return match[0]
    return match[1] + match[2] + MASK
