"""Words and their stems, in the languages for which there are lists and stemmers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from core.domain.project_noise import IDEOGRAPHS
from core.domain.tags import singular

# What ends a word: a list of what does not would need the marks of all scripts, which \w leaves out.
_BREAKS = (
    r"\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x9f\u00a1-\u00bf\u0964\u0965\u2000-\u206f\u2190-\u2bff"
    r"\u3000-\u303f\uff00-\uffef\U0001f000-\U0001faff"
)
_LETTERS = rf"(?=[^\W_])[^{_BREAKS}{IDEOGRAPHS}]+"
_WORD = re.compile(
    rf"[{IDEOGRAPHS}]+|(?:\.(?=[^\W\d_]))?{_LETTERS}"
    rf"(?:[.'&\N{{RIGHT SINGLE QUOTATION MARK}}-]{_LETTERS})*(?:\+\+|\#(?!\w))?"
)

UNSPACED_RUN = re.compile(rf"[{IDEOGRAPHS}]+")

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "es": "spanish", "et": "estonian", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""English is missing on purpose: its stemmer makes `general` and `generation` one."""

# The English list comes from web search, and counts the subjects of half of all projects as noise.
_TELLING = """
area areas bill book case cases computer face fire group groups home information member members
microsoft net number numbers open order ordering orders page pages research room rooms search site
state states system systems test text web work world
"""
# What every project says of itself.
_UNTELLING = """
app application based easily easy example examples feature features following help helps including
install installation license like lot method note please project projects provide provides providing
quickly readme run running simple simply support supports thing things tool tools usage user users
via want way
anwendung beispiel benutzer einfach ermöglicht projekt projekte werkzeug
application exemple outil permet projet projets utilisateur
aplicación ejemplo herramienta permite proyecto proyectos usuario
applicazione esempio permette progetto progetti strumento utente
aplicação exemplo ferramenta projeto projetos usuário
eenvoudig gebruiker hulpmiddel toepassing voorbeeld
инструмент позволяет пользователь приложение проект проекта проекты
プロジェクト 项目 工具
"""


@cache
def stop_words(language: str) -> frozenset[str]:
    """Lower case; only the general ones for a language without a list."""
    import stopwordsiso  # noqa: PLC0415

    listed = stopwordsiso.stopwords(language) if stopwordsiso.has_lang(language) else set()
    return (frozenset(listed) - set(_TELLING.split())) | set(_UNTELLING.split())


def words_of(text: str) -> list[str]:
    """As they are written: `c++`, `node.js`, `l'eau`; a run of Chinese or Japanese is one."""
    return _WORD.findall(text)


def stem(word: str, language: str) -> str:
    """A key that the forms of one word share; for English, and without a stemmer, singular and plural."""
    folded = word.casefold()
    stemmer = _stemmer(language)
    return stemmer(folded) if stemmer else singular(folded)


def stems(text: str, language: str) -> list[str]:
    """The stems of its words, in order."""
    return [stem(word, language) for word in words_of(text)]


@cache
def _stemmer(language: str) -> Callable[[str], str] | None:
    if language not in _STEMMERS:
        return None
    import snowballstemmer  # type: ignore[import-untyped]  # noqa: PLC0415

    # A stemmer keeps its word in itself, so that threads must not share it: a new one for each word.
    make = snowballstemmer.stemmer
    name = _STEMMERS[language]
    return lambda word: str(make(name).stemWord(word))
