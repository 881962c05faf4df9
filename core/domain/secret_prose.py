"""Secrets in sentences and command lines: `the password is …`, `IDENTIFIED BY '…'`, `curl -u bob:…`."""

from __future__ import annotations

import re

from core.domain.expressions import expression
from core.domain.secret_names import is_telling
from core.domain.secret_pairs import BREAKS, MASK, SPEAKS_OF_SYNTAX, word_before
from core.domain.signs import holds_any, may_match

_LOCKING = r"pass(?:word|wd|phrase|code)|passwort|kennwort|pwd|identified[ \t]{1,4}by"
_UNLOCKING = r"secret|token|(?:api|access|secret|signing|private)[ _-]?key|credentials?"
_SENTENCE = expression(
    rf"""(?<![\w.$/-])((?P<chosen>{_LOCKING})|{_UNLOCKING})["'`]?
    ((?:[ \t]{{1,4}}(?:for|of)[ \t]{{1,4}}["'`]?[\w.@-]{{1,64}}+["'`]?)?+
     (?:[ \t]*+(?:->|=>|==|\||:)[ \t]*+
       |[ \t]++(?:(?:is|was|are|were|to|set|changed|value|with|used|given|received|got|sent)[ \t]++){{0,3}}+))
    (?:(?P<quote>["'`])(?P<quoted>[^"'`{BREAKS}]{{4,200}}+)(?P=quote)|(?P<bare>[^\s"'`,;<>(){{}}\[\]|]{{6,}}+))""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_WORDS = ("pass", "pwd", "kennwort", "secret", "token", "credential", "identified")
_KEY_SIGN = expression(
    rf"key(?:{'|'.join(f'(?<={of}[ _-]key)|(?<={of}key)' for of in ('api', 'access', 'signing', 'private'))})"
)
"""In lower case, of these words and this one is in whatever `_SENTENCE` matches."""
_OTHER_LANGUAGES = expression(
    r"((?:contraseña|mot de passe|senha|wachtwoord|lösenord|hasło|парол[ья]|密码|密碼|パスワード|비밀번호)"
    "[\"'`]?[ \\t]*+[:=\N{FULLWIDTH COLON}][ \\t]*+[\"'`]?)([^\\s\"'`,;]{3,}+)",
    re.IGNORECASE,
)

_ASCII_OF_OTHERS = ("mot de passe", "senha", "wachtwoord")

_TECHNICAL = expression(
    r"(?:utf|sha|md|rsa|[rhep]s|aes|oauth|base|http|tls|ssl|ipv|argon|ed|secp|win|cp|iso|log|python|java|php)"
    r"[-_]?\d+\w{0,8}"
    r"|\w{1,40}\.(?:\w{1,40}\.)*\w{1,10}(?::\d+)*",
    re.IGNORECASE | re.ASCII,
)
_NUMBERED = expression(r"[A-Za-z]+(?:[_.-][A-Za-z]+)*[_.-]?\d{1,3}")
"""Words with digits that are no secrets: `sha256`, `app.py:10`; of a key `field_2` too."""
_PASSWORD_LIKE = expression(r"(?=\D{0,199}\d)(?=[^A-Za-z]{0,199}[A-Za-z])\S{6,200}", re.ASCII)
_KEY_LIKE = expression(r"(?=\D{0,199}\d)(?=[^A-Za-z]{0,199}[A-Za-z])[\w.~+=/-]{12,200}", re.ASCII)

_COMMANDS = {
    " -u": r"((?<![\w-])-u[ \t]++[\"']?[^\s:\"'/]{1,64}+:)(?!\d+\b|\[scrubbed\])[^\s\"']{3,}+",
    "-user": r"(--(?:proxy-)?user[ =][\"']?[^\s:\"'/]{1,64}+:)(?!\d+\b|\[scrubbed\])[^\s\"']{3,}+",
    " -p": r"(\b(?:mysql|mariadb)\w{0,10}\b[^\n;|]{0,200}?[ \t]-p)[^\s\"'-][^\s\"']*+",
    "sshpass": r"(\bsshpass[ \t]++-p[ \t]*+)[^\s-]\S*+",
    "redis-cli": r"(\bredis-cli\b[^\n;|]{0,200}?[ \t]-a[ \t]++)\S++",
    "sqlplus": r"(\bsqlplus[ \t]++(?:-\w{1,20}[ \t]++){0,3}[^\s/@]{1,64}+/)[^\s@/]{1,128}+(?=@)",
    "jdbc:oracle:": r"(jdbc:oracle:\w{1,10}+:[^\s/@]{1,64}+/)[^\s@/]{1,128}+(?=@)",
}
"""A literal that is in every match, and the pattern: what stays, then the secret."""
_COMMAND_SIGNS = ("-", "sqlplus", "jdbc:oracle:")
_COMMAND_LINES = tuple(
    (literal, expression(pattern, re.IGNORECASE)) for literal, pattern in _COMMANDS.items()
)


SIGNS_OF_PROSE = frozenset(["identified", *_ASCII_OF_OTHERS, *_COMMANDS])
"""In lower case: one is in every text of ASCII that `scrub_prose` changes and no secret's name is in."""


def scrub_prose(text: str, lowered: str, *, names_secret: bool) -> str:
    """What a sentence calls a password or key, where it looks like one, and passwords of command lines."""
    if (names_secret or "identified" in lowered) and _may_hold_sentence(lowered):
        text = _SENTENCE().sub(_masked_sentence, text)
    if holds_any(lowered, _COMMAND_SIGNS):
        text = _scrub_command_lines(text, lowered)
    if text.isascii() and not holds_any(lowered, _ASCII_OF_OTHERS):
        return text
    return _OTHER_LANGUAGES().sub(_masked_word, text)


def _may_hold_sentence(lowered: str) -> bool:
    return holds_any(lowered, _SENTENCE_WORDS) or may_match(_KEY_SIGN, lowered)


def _scrub_command_lines(text: str, lowered: str) -> str:
    for literal, pattern in _COMMAND_LINES:
        if literal in lowered:
            text = pattern().sub(rf"\g<1>{MASK}", text)
    return text


def _masked_sentence(match: re.Match[str]) -> str:
    is_password = match["chosen"] is not None
    value = match["quoted"] or match["bare"].rstrip(".:!?")
    if MASK[1:-1] in value or is_telling(value):
        return match[0]
    if match["quoted"] and is_password:
        is_secret = " " not in value.strip()
    else:
        is_secret = _looks_generated(value, is_password=is_password)
    if not is_secret or word_before(match.string, match.start()).endswith(SPEAKS_OF_SYNTAX):
        return match[0]
    start = match.start("quoted" if match["quoted"] else "bare") - match.start()
    return match[0][:start] + MASK + match[0][start + len(value) :]


def _looks_generated(value: str, *, is_password: bool) -> bool:
    """Digits and letters, and neither a technical word nor a path, an address or an ARN."""
    if value.startswith(("/", "./", "arn:", "0x", "$", "%", "@")) or "://" in value:
        return False
    if is_password:
        return bool(_PASSWORD_LIKE().fullmatch(value)) and not _TECHNICAL().fullmatch(value)
    return bool(_KEY_LIKE().fullmatch(value)) and not (
        _TECHNICAL().fullmatch(value) or _NUMBERED().fullmatch(value)
    )


def _masked_word(match: re.Match[str]) -> str:
    return match[0] if MASK[1:-1] in match[2] else match[1] + MASK
