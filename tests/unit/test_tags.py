"""Tags: one spelling, one key for each, and the vocabulary's rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.metadata import TagVocabulary, Wishes
from core.domain.tags import LONGEST, apply_vocabulary, comparison_key, merge_tags, normalise_tag, singular


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("  Machine_Learning ", "machine-learning"),
        ("machine   learning", "machine-learning"),
        ("Machine \N{EN DASH} Learning", "machine-learning"),
        ("C++", "c++"),
        ("c++17", "c++17"),
        ("C#", "c#"),
        ("F# tips", "f#-tips"),
        (".NET", ".net"),
        ("ASP .NET", "asp-.net"),
        ("Node.js", "node.js"),
        ("#Python", "python"),
        ('"web"...', "web"),
        ("'quoted'", "quoted"),
        ("(beta)", "beta"),
        ("CI/CD", "ci-cd"),
        ("R&D", "r&d"),
        ("l\N{RIGHT SINGLE QUOTATION MARK}eau", "l'eau"),
        ("Straße", "straße"),
        ("ＡＰＩ", "api"),  # noqa: RUF001
        ("機械 学習", "機械-学習"),
        ("हिन्दी", "हिन्दी"),
        ("🚀 rocket", "rocket"),
        ("zero\u200bwidth", "zerowidth"),
        ("a\0b", "a-b"),
        ("2024", "2024"),
        ("#", ""),
        ("++", ""),
        ("...", ""),
        ("🚀", ""),
        ("", ""),
        ("x" * 41, ""),
        ("one " * 20, "one-one-one-one-one-one-one-one-one-one"),
    ],
)
def test_normalise(text: str, spelled: str) -> None:
    assert normalise_tag(text) == spelled


@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_tag(text)
    assert normalise_tag(once) == once
    assert len(once) <= LONGEST
    assert not any(character.isspace() for character in once)


@pytest.mark.parametrize(
    ("tag", "other"),
    [
        ("databases", "Database"),
        ("categories", "category"),
        ("apis", "API"),
        ("caches", "cache"),
        ("boxes", "box"),
        ("classes", "class"),
        ("movies", "movie"),
        ("data-base", "data bases"),
        ("Node.js", "nodejs"),
        ("ASP.NET", "asp .net"),
        ("Straße", "STRASSE"),
        ("covid-19", "covid19"),
    ],
)
def test_spellings_of_one_tag_have_one_key(tag: str, other: str) -> None:
    assert comparison_key(tag) == comparison_key(other)


@pytest.mark.parametrize(
    ("tag", "other"),
    [("c", "c++"), ("c", "c#"), (".net", "net"), ("windows", "window"), ("3-1", "31"), ("news", "new")],
)
def test_different_tags_have_different_keys(tag: str, other: str) -> None:
    assert comparison_key(tag) != comparison_key(other)


@pytest.mark.parametrize(
    "word",
    [
        "aws", "kubernetes", "redis", "postgres", "ios", "news", "css", "analysis", "status", "less", "c++",
        "pandas", "windows", "express", "día",
    ],
)  # fmt: skip
def test_what_only_ends_like_a_plural_stays(word: str) -> None:
    assert singular(word) == word


def test_merging_keeps_order_and_the_known_spelling() -> None:
    found = merge_tags(
        ["Databases", "database", "machine learning", "", "#", "go"],
        known=["Machine_Learning", "machine-learning", "!"],
        limit=10,
    )
    assert found == ("databases", "Machine_Learning", "go")


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (3, 3), (9, 4)])
def test_the_limit_counts_different_tags(limit: int, count: int) -> None:
    assert len(merge_tags(["a", "A", "b", "c", "d", "d"], limit=limit)) == count


@pytest.mark.parametrize(
    ("vocabulary", "tags"),
    [
        (TagVocabulary.FREE, ("databases", "new-one", "redis")),
        (TagVocabulary.PREFER_EXISTING, ("Database", "new-one", "redis")),
        (TagVocabulary.ONLY_EXISTING, ("Database", "redis")),
    ],
)
def test_vocabularies(vocabulary: TagVocabulary, tags: tuple[str, ...]) -> None:
    wishes = Wishes(vocabulary=vocabulary, existing_tags=("Database", "redis", "x"))
    assert apply_vocabulary(["databases", "new one", "Redis"], wishes, limit=5) == tags


@given(st.lists(st.text(max_size=20), max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_only_existing_never_makes_a_tag(tags: list[str], existing: list[str]) -> None:
    wishes = Wishes(vocabulary=TagVocabulary.ONLY_EXISTING, existing_tags=tuple(existing))
    assert set(apply_vocabulary(tags, wishes, limit=10)) <= {tag.strip() for tag in existing}
