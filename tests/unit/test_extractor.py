"""The offline extractor: something sensible in many languages, and never an exception."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.metadata import ProjectText, TagVocabulary, Wishes
from worker.providers.extractor import MODEL, extract
from worker.providers.offline_text.language import detect, primary

ENGLISH = ProjectText(
    title="Query watch",
    description="Query watch finds slow database queries before your customers do.",
    content="It reads the statistics of PostgreSQL and MySQL. A dashboard shows the slow queries of each "
    "database. Alerts go out by mail.\n\n## Install\nIt needs Node.js and Redis.",
)

TEXTS = {
    "en": (ENGLISH, "query", "data"),
    "de": (
        ProjectText(
            title="Gartenplaner",
            content="Der Gartenplaner zeichnet Beete und erinnert an die Aussaat. Pflanzen werden nach der "
            "Fruchtfolge in Beete gesetzt. Ein Kalender zeigt Pflege und Ernte der Pflanzen.",
        ),
        "pflanzen",
        "food and gardening",
    ),
    "fr": (
        ProjectText(
            title="Carnet de recettes",
            content="Ce carnet permet de partager des recettes de cuisine entre voisins. Chaque recette "
            "peut contenir des photos. Les recettes sont classées par saison.",
        ),
        "recettes",
        "food and gardening",
    ),
    "es": (
        ProjectText(
            title="Monitor de bases de datos",
            content="Este proyecto vigila bases de datos y avisa cuando una consulta tarda demasiado. Las "
            "alertas llegan por correo. El panel muestra las consultas lentas.",
        ),
        "datos",
        "data",
    ),
    "it": (
        ProjectText(
            title="Ricettario",
            content="Il ricettario raccoglie le ricette della cucina italiana e calcola gli ingredienti. "
            "Ogni ricetta può avere delle fotografie.",
        ),
        "ricette",
        "food and gardening",
    ),
    "pt": (
        ProjectText(
            title="Loja de música",
            content="Esta loja vende música de artistas independentes em todo o país. As músicas podem ser "
            "ouvidas antes da compra e não têm proteção.",
        ),
        "música",
        "music and audio",
    ),
    "nl": (
        ProjectText(
            title="Weerstation",
            content="Dit weerstation meet temperatuur en neerslag in de tuin. De metingen van het "
            "weerstation worden elk uur opgeslagen en getoond.",
        ),
        "weerstation",
        None,
    ),
    "ru": (
        ProjectText(
            title="Мониторинг баз данных",
            content="Этот проект следит за базами данных и предупреждает медленные запросы. Панель "
            "показывает медленные запросы каждой базы данных.",
        ),
        "баз-данных",
        "data",
    ),
    "zh": (
        ProjectText(
            title="数据库监控",
            content="这个项目监控数据库的性能，并在查询过慢时发出警报。仪表板显示每个数据库的慢查询。",  # noqa: RUF001
        ),
        "数据库",
        "data",
    ),
    "ja": (
        ProjectText(
            title="データベース監視ツール",
            content="このツールはデータベースの性能を監視し、遅いクエリを通知します。通知はメールで送られます。",
        ),
        "データベース",
        "data",
    ),
}


@pytest.mark.parametrize("language", TEXTS)
def test_languages(language: str) -> None:
    text, tag, category = TEXTS[language]
    found = extract(text, Wishes())
    assert found.language == language
    assert tag in found.tags
    assert category in {found.category, None}
    assert 0.1 < found.confidence <= 0.5
    source = f"{text.title} {text.description} {text.content}"
    assert found.summary
    assert all(part in source for part in found.summary.split(". "))
    assert all(word.casefold() in source.casefold() for key in found.keywords for word in key.split())


@pytest.mark.parametrize(
    ("vocabulary", "existing", "expected"),
    [
        (
            TagVocabulary.ONLY_EXISTING,
            ("nodejs", "Redis", "cooking", "databases"),
            ("nodejs", "Redis", "databases"),
        ),
        (TagVocabulary.ONLY_EXISTING, (), ()),
        (TagVocabulary.ONLY_EXISTING, ("art", "die"), ()),
    ],
)
def test_existing_tags_are_found_in_the_text(
    vocabulary: TagVocabulary, existing: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert extract(ENGLISH, Wishes(vocabulary=vocabulary, existing_tags=existing)).tags == expected


def test_existing_tags_come_first_where_they_are_preferred() -> None:
    wishes = Wishes(vocabulary=TagVocabulary.PREFER_EXISTING, existing_tags=("Redis", "cooking"))
    tags = extract(ENGLISH, wishes).tags
    assert tags[0] == "Redis"
    assert "cooking" not in tags
    assert len(tags) > 1


@pytest.mark.parametrize("text", [ProjectText(), ProjectText(content=" \n"), ProjectText(content="🚀🚀")])
def test_nothing_to_say(text: ProjectText) -> None:
    found = extract(text, Wishes())
    assert (found.tags, found.keywords, found.category, found.language) == ((), (), "other", "en")
    assert found.confidence <= 0.1


def test_a_title_alone_is_its_summary() -> None:
    found = extract(ProjectText(title="Garden planner"), Wishes())
    assert (found.summary, found.tags) == ("Garden planner", ("garden-planner",))


def test_it_cannot_translate_and_says_so() -> None:
    found = extract(ENGLISH, Wishes(output_language="de"))
    assert (found.language, found.confidence) == ("en", 0.2)


def test_a_known_language_is_believed() -> None:
    assert extract(ProjectText(title="Redis", language="PT_br"), Wishes()).language == "pt"


@pytest.mark.parametrize(
    ("code", "language"),
    [("pt-BR", "pt"), ("EN", "en"), ("eng", None), ("", None), (None, None), ("xx", None)],
)
def test_language_codes(code: str | None, language: str | None) -> None:
    assert primary(code) == language


@pytest.mark.parametrize("text", ["", "12345", "Redis", "\ud800", "ok"])
def test_too_short_a_text_counts_as_english(text: str) -> None:
    assert detect(text) == "en"


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "word ",
        "数据库的",
        "ア",
        '("',
        "a. ",
        "Ab1. ",
        "don't ",
        "อักษรไทย ",
        "한국어 ",
        "هذا ",
        "\ud800 ",
    ],
)
def test_ten_megabytes_take_no_longer(unit: str) -> None:
    extract(ENGLISH, Wishes())
    huge = unit * (10_000_000 // len(unit))
    began = time.perf_counter()
    extract(ProjectText(content=huge), Wishes())
    assert time.perf_counter() - began < 3


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=100),
    st.text(max_size=1_000) | st.text(alphabet="aB .!\n#[](`'数の-", max_size=1_000),
    st.sampled_from([None, "en", "de", "fr", "ja", "zh", "ru", "th", "xx", "klingon"]),
    st.lists(st.text(max_size=10), max_size=5),
    st.sampled_from(TagVocabulary),
)
def test_it_never_raises(
    title: str, content: str, language: str | None, existing: list[str], vocabulary: TagVocabulary
) -> None:
    text = ProjectText(title=title, content=content, language=language)
    wishes = Wishes(vocabulary=vocabulary, existing_tags=tuple(existing))
    found = extract(text, wishes)
    assert found == extract(text, wishes)
    assert 0 <= found.confidence <= 0.5
    assert len(found.tags) <= 10
    assert len(found.keywords) <= 15
    assert len(found.summary) <= 600


def test_the_model_has_a_name() -> None:
    assert MODEL == "extractive-1"
