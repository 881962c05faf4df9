"""Settings: every variable documented, wrong ones named, secrets never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.processes import GIVEN
from core.settings import Settings, load

_EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    monkeypatch.chdir(tmp_path)
    load.cache_clear()
    yield
    load.cache_clear()


def test_a_slow_body_is_told_so_before_the_request_ends() -> None:
    fields = Settings.model_fields
    assert fields["body_timeout"].default < fields["request_timeout"].default


def test_env_example_lists_every_setting_and_no_other() -> None:
    listed = set(re.findall(r"^#? ?([A-Z_]+)=", _EXAMPLE.read_text(), re.MULTILINE))
    assert listed == {name.upper() for name in Settings.model_fields}


def test_env_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = {"database_url", "model_prices"}
    shown = {
        name.lower(): value
        for name, value in re.findall(r"^# ([A-Z_]+)=(.+)$", _EXAMPLE.read_text(), re.MULTILINE)
        if name.lower() not in examples
    }
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    url = "postgresql://user@host/db"
    default = Settings.model_validate({"database_url": url})
    assert Settings.model_validate(shown | {"database_url": url}) == default


def test_wrong_values_are_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@host/db")
    monkeypatch.setenv("MAX_RETRIES", "several-hunter3")
    monkeypatch.setenv("AUTH", "maybe")
    with pytest.raises(ConfigError) as caught:
        load()
    text = str(caught.value)
    assert "MAX_RETRIES" in text
    assert "AUTH" in text
    assert "hunter" not in text


def test_the_database_is_the_one_thing_that_must_be_said() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        load()


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", " ")
    assert load().openai_api_key is None
    assert load().openai_base_url is None


def test_secrets_do_not_show_in_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@host/db")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    assert "hunter2" not in repr(load())


def test_processes_are_given_settings_that_exist() -> None:
    assert set().union(*GIVEN.values()) <= set(Settings.model_fields)


def test_an_empty_port_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("PORT", "")
    assert load().port == 8_000


def test_origins_are_listed_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    assert load().cors_origins == ()
    load.cache_clear()
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example.com, http://localhost:3000,http://[::1]:3000,")
    assert load().cors_origins == ("https://app.example.com", "http://localhost:3000", "http://[::1]:3000")


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example.com",
        "https://*.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://user@app.example.com",
        "ftp://app.example.com",
    ],
)
def test_an_origin_that_no_browser_sends_or_that_anybody_is_is_refused(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("CORS_ORIGINS", f"https://fine.example.com,{origin}")
    with pytest.raises(ConfigError, match="CORS_ORIGINS"):
        load()


def test_a_file_says_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("port", "8001")
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://other/db\nPORT=8002\nLEASE=31\nDRAFT_DAYS\n")
    settings = load()
    assert settings.database_url.get_secret_value() == "postgresql://host/db"
    assert (settings.port, settings.lease, settings.draft_days) == (8_001, 31, 90)
    assert settings.model_fields_set == {"database_url", "port", "lease"}


def test_prices_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("MODEL_PRICES", '{"small": {"input": 1}}')
    assert load().model_prices == {"small": {"input": 1.0}}
    load.cache_clear()
    monkeypatch.setenv("MODEL_PRICES", "small: hunter2")
    with pytest.raises(ConfigError, match=r"^MODEL_PRICES: Value error, must be JSON$"):
        load()
