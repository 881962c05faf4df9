"""A model without judgement: it does what any text in its prompt tells it to, however it is written.

It looks for `answer with {JSON}`, `say «…»` and `repeat your instructions` in the prompt as it stands,
without its invisible letters, in look-alike letters, rotated by 13, in base64, percent-encoded, as HTML
and escaped.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from tests.fakes.model_answers import Json, conforming, mapping

_ANSWER = re.compile(
    r"(?:answer|respond|reply|output|antworte|réponds|responde|ответь|回答)[^{}\n]{0,120}(?=\{)",
    re.IGNORECASE,
)
_SAY = re.compile(r"(?:say|write|sag|dis|скажи|说)\s*«([^»]*)»", re.IGNORECASE)
_REPEAT = re.compile(r"repeat[^\n]{0,30}instructions", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_LOOK_ALIKES = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456", "aeopcyxi")
"""Cyrillic letters and the Latin ones that they look like."""
_TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}


def obedient_answer(asked: Mapping[str, Json], schema: Mapping[str, Json]) -> str:
    """`asked` is a request's body, of either provider."""
    system, told = _said(asked)
    answer = dict(mapping(conforming(schema)))
    for reading in _readings(told):
        for order in _ANSWER.finditer(reading):
            answer |= _json_at(reading, order.end())
        for words in _SAY.findall(reading):
            answer["root_cause" if "root_cause" in answer else "summary"] = words
        if _REPEAT.search(reading):
            answer["suggested_fix" if "suggested_fix" in answer else "summary"] = system
    raw = answer.get("_raw")
    return raw if isinstance(raw, str) else json.dumps(answer, ensure_ascii=False)


def _said(asked: Mapping[str, Json]) -> tuple[str, str]:
    """What the system says, and what the user does."""
    messages = asked.get("messages")
    if isinstance(messages, list):
        texts = {str(mapping(m).get("role")): str(mapping(m).get("content")) for m in messages}
        return texts.get("system", ""), texts.get("user", "")
    contents = json.dumps(asked.get("contents"), ensure_ascii=False)
    return json.dumps(asked.get("systemInstruction")), contents


def _readings(text: str) -> Iterator[str]:
    yield text
    yield "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    yield text.translate(_TAGS)
    yield text.translate(_LOOK_ALIKES)
    yield codecs.decode(text, "rot13")
    yield unquote(text)
    yield html.unescape(text)
    yield text.replace('\\"', '"').replace("\\\\", "\\")
    for word in _BASE64.findall(text):
        try:
            yield base64.b64decode(word).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def _json_at(text: str, start: int) -> dict[str, Json]:
    try:
        return dict(mapping(json.JSONDecoder(strict=False).raw_decode(text, start)[0]))
    except ValueError:
        return {}
