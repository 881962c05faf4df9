"""JSON that is safe to print: what drives a terminal or turns text around is escaped, and means the same."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse

_UNPRINTABLE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


class InertJSONResponse(JSONResponse):
    """Events are shown as they were sent, so an answer may hold whatever a stranger wrote into one."""

    def render(self, content: Any) -> bytes:
        text = super().render(content).decode()
        return (text if text.isascii() and "\x7f" not in text else _UNPRINTABLE.sub(_escaped, text)).encode()


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
