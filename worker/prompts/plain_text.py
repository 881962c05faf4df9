"""What a model wrote, made safe to show: text without secrets, markup, links and control characters."""

from __future__ import annotations

import re

from core.domain.scrub import scrub_text
from core.domain.tags import normalise_tag
from core.domain.untrusted_text import visible

_IMAGE = re.compile(r"!\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])")
_LINK = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ADDRESS = re.compile(
    r"<?(?:\b[a-z][a-z0-9+.-]{1,20}://|(?<![a-z])(?:https?|ftp|file|wss?)://"
    r"|\bwww\.|mailto:|(?:java|vb)script:|\bdata:(?=\w))[^\s<>]*>?",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>")
_OPENED = re.compile(r"<+(?=[/!?a-zA-Z])")
_SPACES = re.compile(r"\s+")
_LOOSE_SIGN = re.compile(r"\s+(?=[.,;:!?](?:\s|$))")

_ROUNDS = 5
"""What is removed can join what stood around it into new markup: <<b>script>."""

_NO_CATEGORY = "other"
_CATEGORY_WORDS = 3

_HTML_NAMES = (
    r"(?:a|abbr|audio|b|base|body|br|button|canvas|center|details|div|em|embed|font|form|frame(?:set)?|h[1-6]|head"
    r"|hr|html|i|iframe|img|input|li|link|marquee|math|meta|object|ol|p|picture|pre|script|select|source|span"
    r"|strong|style|svg|table|td|template|textarea|title|tr|u|ul|video)"
)
_HTML_TAG = re.compile(rf"</?{_HTML_NAMES}(?:[\s/][^<>]*)?>", re.IGNORECASE)
_HTML_BEGIN = re.compile(
    rf"<(?=[/!?]?{_HTML_NAMES}(?![\w.-])|!--|!\[|\?xml|[/a-zA-Z][\w:-]{{0,60}}[\s/][^<>]{{0,200}}=)",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"(?<=!)(?=\[)|(?<=\])(?=\()|(?<=\])(?=:\s{0,4}\S{0,200}[/.])")
_SCHEME = re.compile(r":(?=//)|(?<=script):|(?<=\bdata):(?=\w)|(?<=mailto):|(?<=\bwww)\.", re.IGNORECASE)


def plain_text(text: str) -> str:
    """The words alone, on one line. Of a link its text stays, of an image nothing; `a < b` is no tag."""
    # Secrets first: without the markup around them some could not be told any more.
    text = scrub_text(visible(text))
    for _ in range(_ROUNDS):
        before = text
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
        text = _TAG.sub("", _ADDRESS.sub("", text))
        if text == before:
            break
    return broken_links(_OPENED.sub("", _LOOSE_SIGN.sub("", _SPACES.sub(" ", text))).strip())


def inert_text(text: str) -> str:
    """Lines of prose about code: links, addresses, images and HTML go, `Map<String, Order>` stays."""
    text = scrub_text(visible(text))
    for _ in range(_ROUNDS):
        before = text
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
        text = _HTML_TAG.sub("", _ADDRESS.sub("", text))
        if text == before:
            break
    return broken_links("\n".join(line.rstrip() for line in text.splitlines()).strip())


def broken_links(text: str) -> str:
    """All of the text, with what a viewer would make a link, an image or HTML of broken apart.

    `https[:]//host`, `] (`, `! [`, `< img`: for quotes, which must not lose a word.
    """
    # In this order: the brackets around a colon may make a link of what follows.
    text = _SCHEME.sub(lambda match: f"[{match[0]}]", visible(text))
    return _HTML_BEGIN.sub("< ", _MARKDOWN.sub(" ", text))


def plain_category(text: str) -> str:
    """One to three words in lower case; `other` where nothing is left."""
    words = normalise_tag(plain_text(text)).split("-")[:_CATEGORY_WORDS]
    return " ".join(words) or _NO_CATEGORY
