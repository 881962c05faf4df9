"""Secrets that text shows by their shape alone: keys, tokens, card numbers, URLs with a password."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from core.domain.expressions import Expression, expression
from core.domain.secret_pairs import MASK
from core.domain.secret_triggers import Triggers
from core.domain.secret_vendors import VENDOR_TOKENS

_LONGEST_KEY_BLOCK = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shape:
    """`triggers` are literals, one of which is in every match; a search for them costs next to nothing."""

    triggers: tuple[str, ...]
    expression: Expression
    replacement: str | Callable[[re.Match[str]], str] = MASK


_START = r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\[nrt]))"
"""Where a token may begin: not inside a word, but after an escape such as `%20` or a literal backslash-n."""

_KEY_BLOCK_BEGIN = expression(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BLOCK_REST = expression(
    r"(?:(?:\\+[nrt]|\s)*+(?:(?:Proc-Type|DEK-Info|Version|Comment): ?[^\n\\]{0,80}+|[A-Za-z0-9+/=]{16,}+))*+"
    r"(?:(?:\\+[nrt]|\s)++[A-Za-z0-9+/]{0,80}={1,2}(?![\w=]))?"
)

_URL_PASSWORD = expression(
    r"""(://[^\s:/@?#"'<>]*+:)(?!\d{1,5}(?:[/?#\s"'<>]|$))(?:[^\s/"'<>@]|/(?!/))++@(?:[^\s/?#"'<>@]*+@)*+"""
)
_ENCODED_URL_PASSWORD = expression(
    r"(%(?:25)*+3A(?:%(?:25)*+2F){2}[^%\s]{0,64}%(?:25)*+3A)(?:[^%\s]|%(?!(?:25)*+40)){1,200}+(?=%(?:25)*+40)",
    re.IGNORECASE,
)
_URL_TOKEN = expression(r"(://)(?=[A-Za-z_-]{0,99}\d)[\w-]{16,}+(?=(?::x-oauth-basic)?@)", re.ASCII)
_QUERY_KEY = expression(r"([?&](?:key|code)=)(?=[^\s&\d]{0,99}\d)[\w.~%+/-]{16,}+", re.ASCII)
_GO_MYSQL_PASSWORD = expression(r"""(?<![^\s"'=(,])([^\s:@"'=(,]{1,64}:)[^\s"']{1,64}(?=@(?:tcp|unix)\()""")
_AWS_KEYS = expression(
    r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])(?:([\s:,;/|\"']{1,4})[A-Za-z0-9/+]{40}(?![\w/+]))?"
)
_JWT = expression(_START + r"eyJ[\w-]{4,}+\.(?:[\w-]{4,}+(?:\.[\w-]*+){1,3}|eyJ[\w-]*+)", re.ASCII)
_BEARER = expression(r"(?<!\w)((?:Bearer|Basic)(?:[ \t]++|%20))([\w.~+/=-]{8,}+)", re.ASCII | re.IGNORECASE)


def _vendor_shape(start: str, rest: str) -> _Shape:
    """Begins with the literal, which the search for it then skips to, and looks back for where it stands."""
    literal = re.escape(start)
    begins = rf"(?:(?<![\w-]{literal})|(?<=%[0-9A-Fa-f][0-9A-Fa-f]{literal})|(?<=\\[nrt]{literal}))"
    return _Shape(triggers=(start,), expression=expression(f"{literal}{begins}{rest}", re.ASCII))


_OWN_KEY = r"(?=[a-z_-]{0,43}[A-Z0-9])[\w-]{43,}+"
"""Rootnote's own access keys, after `rn_`, which is in every text about `return_…` too."""

_CARD = expression(
    r"(?<![\w.])(?<!\d-)(?:[2-6]\d{12,18}(?!\w)"
    r"|(?<!\d{4} )[2-6]\d{3}([ -])(?:\d{4}\1\d{4}\1\d{1,7}|\d{6}\1\d{4,5})(?!\w))(?!-\d|\.\d| \d{4}\b)",
    re.ASCII,
)
_SHORTEST_CARD = 13
_CARD_START = re.compile(r"[02-6]\d{3}(?:\d{9}|[ -]\d{4})", re.ASCII)
"""Of whatever `_CARD` matches, also where there are zeros in place of all digits."""
_CARD_ISSUER = expression(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|35\d{14}|6\d{15,18}|5[06-8]\d{11,17})"
)
"""Lengths by issuer: without it one in ten ids and timestamps would pass the check digit for a card."""


def scrub_early_shapes(text: str) -> str:
    """What would be torn apart by a look for names first: key blocks and URLs."""
    if "PRIVATE KEY" in text:
        text = _scrub_key_blocks(text)
    if "@" in text and "://" in text:
        text = _URL_TOKEN().sub(rf"\1{MASK}", _URL_PASSWORD().sub(rf"\1{MASK}@", text))
    if "%" in text and "40" in text:
        text = _ENCODED_URL_PASSWORD().sub(rf"\1{MASK}", text)
    return text


def scrub_late_shapes(text: str) -> str:
    """What stands anywhere, with no name beside it."""
    if _TRIGGERS.may_match(text):
        for trigger in _TRIGGERS.found(text):
            shape = _BY_TRIGGER[trigger]
            text = shape.expression().sub(shape.replacement, text)
    return _CARD().sub(_masked_card, text) if may_hold_card(text) else text


def may_hold_card(text: str) -> bool:
    """False: nowhere are enough digits in a row, or in groups."""
    return len(text) >= _SHORTEST_CARD and _CARD_START.search(text) is not None


def _scrub_key_blocks(text: str) -> str:
    parts: list[str] = []
    done = 0
    for begin in _KEY_BLOCK_BEGIN().finditer(text):
        if begin.start() >= done:
            parts += (text[done : begin.start()], MASK)
            done = _key_block_end(text, begin.end())
    return "".join(parts) + text[done:]


def _key_block_end(text: str, start: int) -> int:
    """Where the block ends: past its END line, or past what still looks like key text when it was cut off."""
    limit = start + _LONGEST_KEY_BLOCK
    next_mark = text.find("-----", start, limit)
    if next_mark >= 0 and text.startswith("-----END ", next_mark):
        closing = text.find("-----", next_mark + 9, next_mark + 80)
        if closing >= 0:
            return closing + 5
    rest = _KEY_BLOCK_REST().match(text, start)
    return rest.end() if rest else start


def _masked_aws_keys(match: re.Match[str]) -> str:
    return MASK if match[1] is None else f"{MASK}{match[1]}{MASK}"


def _masked_bearer(match: re.Match[str]) -> str:
    """`Bearer authentication` and `Basic access` are prose; a token has digits, mixed case, or length."""
    value = match[2].rstrip(".")
    is_prose = len(value) < 24 and (value.islower() or value.istitle()) and value.isalpha()
    return match[0] if is_prose else f"{match[1]}{MASK}"


def _masked_card(match: re.Match[str]) -> str:
    digits = match[0].replace(" ", "").replace("-", "")
    return MASK if is_card_number(digits) else match[0]


def is_card_number(digits: str) -> bool:
    """Whether the digits have an issuer's length and prefix and the right check digit."""
    return _CARD_ISSUER().fullmatch(digits) is not None and _has_check_digit(digits)


def _has_check_digit(digits: str) -> bool:
    """Luhn's sum."""
    reversed_digits = [int(digit) for digit in reversed(digits)]
    doubled = [divmod(2 * digit, 10) for digit in reversed_digits[1::2]]
    return (sum(reversed_digits[::2]) + sum(tens + ones for tens, ones in doubled)) % 10 == 0


_SHAPES = (
    _Shape(triggers=("key=", "code="), expression=_QUERY_KEY, replacement=rf"\1{MASK}"),
    _Shape(triggers=("@tcp(", "@unix("), expression=_GO_MYSQL_PASSWORD, replacement=rf"\1{MASK}"),
    _Shape(triggers=("AKIA", "ASIA"), expression=_AWS_KEYS, replacement=_masked_aws_keys),
    _Shape(triggers=("eyJ",), expression=_JWT),
    _Shape(triggers=("earer", "EARER", "asic", "ASIC"), expression=_BEARER, replacement=_masked_bearer),
    *(_vendor_shape(start, rest) for start, rest in VENDOR_TOKENS.items()),
    _vendor_shape("rn_", _OWN_KEY),
)
_BY_TRIGGER = {trigger: shape for shape in _SHAPES for trigger in shape.triggers}
_TRIGGERS = Triggers(_BY_TRIGGER)
SIGNS_OF_SHAPES = frozenset(["private key", "://", "%", *(trigger.lower() for trigger in _BY_TRIGGER)])
"""In lower case: one is in every text with such a shape but a card number's."""
