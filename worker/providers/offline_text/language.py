"""Language codes, and which language a text is in. No network: the model comes with py3langid."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]

DEFAULT = "en"

_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to
tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
ISO_639_1 = frozenset(_CODES.split())

# Fewer languages are mistaken less often: a short Dutch text looks like Afrikaans or Frisian.
_DETECTED = """
ar bg bn ca cs da de el en es et fa fi fr gu he hi hr hu hy id it ja ko lt lv mr nl no pl pt ro ru
sk sl sv sw th tl tr uk ur vi zh
"""
_SURE = 0.5
_LOOKED_AT = 8_000


def primary(code: str | None) -> str | None:
    """`pt` for `pt-BR` and `PT_br`; None for what is not ISO 639-1."""
    language = (code or "").strip().replace("_", "-").split("-")[0].lower()
    return language if language in ISO_639_1 else None


def detect(text: str) -> str:
    """The most likely language (ISO 639-1); English where a text is too short to tell."""
    language, confidence = _identifier().classify(text[:_LOOKED_AT])
    return str(language) if confidence >= _SURE else DEFAULT


@cache
def _identifier() -> LanguageIdentifier:
    # Imported at the first use: the model takes half a second to load, and 90 MB.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_DETECTED.split())
    return identifier
