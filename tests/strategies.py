"""Texts and JSON that are likely to hurt."""

from __future__ import annotations

from hypothesis import strategies as st

_CHARACTERS = "\x00\ud800\udfff\ufeff\u202e\u200d\u2028\x85\r\n\ufdfa\u0130\u0345%/?#@|"
_WORDS = "# ``` <!-- --> ]( ![ - http:// %2f .. 0x7f 1e999 NaN [...] \x1b[2J \U0001f468\u200d\U0001f469"
_LONG = ("\u0301" * 9, "deadbeef" * 4, "9" * 40)

TEXT = st.lists(
    st.text(max_size=12) | st.sampled_from([*_CHARACTERS, *_WORDS.split(" "), *_LONG]), max_size=30
).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
