"""What of a project is sent: short, whole words, the telling parts, in bounded time."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.clean import clean_text
from core.domain.metadata import ProjectText, TagVocabulary, Wishes
from core.domain.project_cut import LIMIT, clip, content_hash, cut_parts, informative_cut

_WORD = re.compile(r"\w+")
_LABELS = {"title", "description", "content"}

README = """\
# Gardener [![build](https://ci.example/b.svg)](https://ci.example)
[![badge](https://img.example/x.svg)](https://x.example) ![logo](logo.png)

<!-- a comment
over lines -->
Gardener plans <b>vegetable</b> beds. See [the manual](https://m.example) first.

- [Install](#install)
- [License](#license)

## Install
Run it with pip.

```python
one = 1
two = 2
three = 3
four = 4
five = 5
```

| a | b |
|---|---|
| [x](https://x.example) | [y](https://y.example) |

## License
MIT, as everybody has.

Key: QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD
## End
Thank you.
Thank you.
"""


def words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def test_parts_stand_under_labels() -> None:
    text = ProjectText(title=" A\n title ", description="It is.", content="More of it.")
    assert informative_cut(text) == "title: A title\ndescription: It is.\ncontent:\nMore of it."


@pytest.mark.parametrize("limit", [0, 1, 10, 4_000])
def test_nothing_gives_nothing(limit: int) -> None:
    assert informative_cut(ProjectText(content=" \n\t"), limit=limit) == ""


def test_boilerplate_goes_and_leaves_marks() -> None:
    cut = informative_cut(ProjectText(content=README))
    for kept in (
        "# Gardener",
        "vegetable beds. See the manual first.",
        "## Install",
        "Run it with pip.",
        "## End",
    ):
        assert kept in cut
    for gone in ("badge", "logo", "comment", "<b>", "https", "three = 3", "MIT", "QUJD", "| a"):
        assert gone not in cut.replace("| a | b |", "")
    assert cut.count("Thank you.") == 1
    assert "\n[...]\n" in cut
    assert "[...]\n[...]" not in cut


def test_a_long_text_keeps_what_tells() -> None:
    filler = "\n\n".join(
        f"## Part {n}\nPart {n} begins. It goes on with {'detail ' * 30}." for n in range(60)
    )
    text = ProjectText(
        title="The title",
        description="What it is. " + "And so on. " * 400,
        content=f"The opening says it all.\n\n{filler}\n\nThe very end.",
    )
    cut = informative_cut(text)
    assert len(cut) <= LIMIT
    for kept in (
        "The title",
        "What it is.",
        "The opening says",
        "## Part 0",
        "Part 3 begins.",
        "The very end.",
    ):
        assert kept in cut
    assert "[...]" in cut


@pytest.mark.parametrize(
    "content",
    [
        "MIT License\n\nPermission is hereby granted, free of charge, to any person.",
        "- [one](https://one.example)\n- [two](https://two.example)",
    ],
)
def test_a_text_of_nothing_but_boilerplate_is_kept(content: str) -> None:
    assert words(informative_cut(ProjectText(content=content))) - _LABELS


def test_a_project_may_be_about_licences() -> None:
    content = "# License checker\n\nIt reads licences. It is licensed under the MIT terms. It is fast."
    cut = informative_cut(ProjectText(content=content))
    assert cut == "content:\n# License checker\nIt reads licences.\n[...]\nIt is fast."


def test_an_open_fence_hides_nothing() -> None:
    content = "Start.\n\n```\ncode\n" + "\n".join(f"Line {n}." for n in range(20))
    assert "Line 7." in informative_cut(ProjectText(content=content))


def test_repeated_lines_count_once() -> None:
    cut = informative_cut(ProjectText(content="Buy now!\n\n" * 500 + "What it is."))
    assert cut.count("Buy now!") == 1
    assert "What it is." in cut


def test_chinese_is_cut_between_characters() -> None:
    cut = cut_parts(ProjectText(description="这个项目监控数据库" * 600)).description
    assert 3_900 < len(cut) <= LIMIT


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(11, "one two six"), (10, "one [...]"), (9, "one [...]"), (8, "[...]"), (5, "[...]"), (4, ""), (0, "")],
)
def test_clip(limit: int, kept: str) -> None:
    assert clip("one two six", limit) == kept


_TEXTS = st.text(max_size=3_000) | st.lists(
    st.sampled_from(
        ["# ", "word ", "end. ", "\n", "\n\n", "```\n", "| ", "- ", "[a](b) ", "x" * 120, "<b>", "中"]
    ),
    max_size=400,
).map("".join)


@given(_TEXTS, _TEXTS, _TEXTS, st.integers(min_value=0, max_value=1_500))
def test_any_cut_is_short_and_breaks_no_word(title: str, description: str, content: str, limit: int) -> None:
    text = ProjectText(title=title, description=description, content=content)
    cut = informative_cut(text, limit=limit)
    assert len(cut) <= limit
    source = clean_text("\n".join((title, description, content)))
    # A cut may fall between any two ideographs; elsewhere only between words.
    if not re.search("[\u3000-\uffff\U00020000-\U0003ffff]", source):
        assert words(cut) <= words(source) | _LABELS


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "word ",
        "\n",
        "中",
        "![",
        "[a](",
        "<a",
        "<!--",
        "```\n",
        "# a\n",
        "a. ",
        "- ",
        "\0",
        "\ud800",
        "| a |\n",
    ],
)
def test_ten_megabytes_take_no_longer(unit: str) -> None:
    huge = unit * (10_000_000 // len(unit))
    began = time.perf_counter()
    cut = informative_cut(ProjectText(title=huge, description=huge, content=huge))
    assert time.perf_counter() - began < 3
    assert len(cut) <= LIMIT
    cut.encode()


TEXT = ProjectText(title="T", description="D", content="C")
WISHES = Wishes(vocabulary=TagVocabulary.PREFER_EXISTING, existing_tags=("a",), instructions="brief")


@pytest.mark.parametrize(
    ("text", "wishes", "version"),
    [
        (replace(TEXT, title="U"), WISHES, "1"),
        (replace(TEXT, content="U"), WISHES, "1"),
        (replace(TEXT, language="de"), WISHES, "1"),
        (TEXT, replace(WISHES, vocabulary=TagVocabulary.FREE), "1"),
        (TEXT, replace(WISHES, output_language="de"), "1"),
        (TEXT, replace(WISHES, instructions="long"), "1"),
        (TEXT, WISHES, "2"),
    ],
)
def test_what_decides_changes_the_hash(text: ProjectText, wishes: Wishes, version: str) -> None:
    before = content_hash(TEXT, WISHES, version="1")
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert content_hash(text, wishes, version=version) != before


def test_new_tags_of_others_leave_the_hash() -> None:
    grown = replace(WISHES, existing_tags=("a", "b"))
    assert content_hash(TEXT, grown, version="1") == content_hash(TEXT, WISHES, version="1")


def test_what_is_cut_away_leaves_the_hash() -> None:
    badge = replace(TEXT, content="C\n\n![badge](https://b.example/2.svg)\n")
    assert content_hash(badge, WISHES, version="1") == content_hash(TEXT, WISHES, version="1")
