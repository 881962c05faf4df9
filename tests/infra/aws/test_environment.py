"""Every function and container is told what its process must be given: no more, no less, and sensible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.processes import GIVEN, Process
from core.settings import Settings
from tests.infra.aws.deployment import Deployment
from tests.infra.aws.templates import Template
from tests.infra.aws.told import CONTAINERS, FUNCTIONS, LAMBDA_EXTRAS, faults, process_of, told

DEPLOYMENT = Deployment()
TOLD = told(DEPLOYMENT)
EACH_VARIABLE = [
    pytest.param(process, name, id=f"{process}-{name}")
    for process in Process
    for name in sorted(name.upper() for name in GIVEN[process])
]


def test_every_process_is_deployed() -> None:
    assert set(TOLD) == set(Process) == FUNCTIONS | CONTAINERS


def test_templates_and_code_agree_on_every_setting() -> None:
    assert faults(DEPLOYMENT) == []


@pytest.mark.parametrize(("process", "name"), EACH_VARIABLE)
def test_a_setting_that_is_forgotten_is_named(process: Process, name: str) -> None:
    def forget(stack: str, template: Template) -> None:
        if stack == TOLD[process].stack:
            for environment in _environments(template, process):
                _drop(environment, name)

    assert new_faults(forget) == {f"{process} lacks {name} in stack {TOLD[process].stack}"}


@pytest.mark.parametrize("process", Process)
def test_a_setting_too_many_is_named(process: Process) -> None:
    def add(stack: str, template: Template) -> None:
        if stack == TOLD[process].stack:
            environment = _environments(template, process)[0]
            if isinstance(environment, dict):
                environment["MAX_RETRIES"] = "1"
            else:
                environment.append({"Name": "MAX_RETRIES", "Value": "1"})

    (fault,) = new_faults(add)
    assert fault.startswith(f"{process} is told MAX_RETRIES")


def new_faults(change: Callable[[str, Template], None]) -> set[str]:
    return set(faults(Deployment(change=change))) - set(faults(DEPLOYMENT))


def _environments(template: Template, process: Process) -> list[Any]:
    """Where the template writes a process's variables: a mapping, or lists of names with values."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and process_of(properties["Handler"]) is process:
            return [properties["Environment"]["Variables"]]
        for container in properties.get("ContainerDefinitions", []):
            if container["Name"] == process:
                return [container["Environment"], container.get("Secrets", [])]
    raise KeyError(process)


def _drop(environment: Any, name: str) -> None:
    if isinstance(environment, dict):
        environment.pop(name, None)
    else:
        environment[:] = [one for one in environment if one["Name"] != name]


SPENDERS = {
    "BudgetDayUsd": "2.50",
    "BudgetMonthUsd": "30",
    "AnalysisRate": "60/minute",
    "MetadataRate": "",
    "OpenAiBaseUrl": "https://models.example/v1",
    "ApiBasePath": "/errors",
    "CorsOrigins": "https://app.example.com",
    "LogProjectKey": "shop",
    "IngestRateProject": "3000/hour",
    "IngestRateKey": "",
    "OfflineAnalyser": "false",
    "EnableSti": "false",
}


@pytest.mark.parametrize("parameters", [{}, SPENDERS], ids=["defaults", "others"])
@pytest.mark.parametrize("process", Process)
def test_the_code_takes_the_values(process: Process, parameters: dict[str, str]) -> None:
    settings = _settings(told(Deployment(parameters))[process].values)
    assert settings.log_level == "INFO"
    if process is Process.API:
        assert settings.ingest_rate_project == ("3000/hour" if parameters else "200/second")
        assert settings.ingest_rate_key == (None if parameters else "500/second")
    if process is Process.WORKER:
        assert settings.budget_day_usd == (2.5 if parameters else None)
        assert settings.metadata_rate == (None if parameters else "10/minute")
        assert settings.analysis_rate == ("60/minute" if parameters else None)
        assert settings.openai_base_url == ("https://models.example/v1" if parameters else None)
        assert settings.offline_analyser is not bool(parameters)


CHOSEN_BY_TEMPLATES = {
    "database_pool_size", "database_secret", "database_url", "deployment", "event_buffer_dead_letter_url",
    "event_buffer_url", "own_log_groups", "redis_secret", "redis_url",
}  # fmt: skip


@pytest.mark.parametrize("process", Process)
def test_the_defaults_of_parameters_are_those_of_the_code(process: Process) -> None:
    said = TOLD[process]
    settings = _settings(said.values)
    for name in {name.lower() for name in set(said.values) - LAMBDA_EXTRAS} - CHOSEN_BY_TEMPLATES:
        assert getattr(settings, name) == Settings.model_fields[name].default, name


def _settings(values: Mapping[str, str]) -> Settings:
    given = {name.lower(): v for name, v in values.items() if name not in LAMBDA_EXTRAS}
    return Settings.model_validate(given)


@pytest.mark.parametrize("process", Process)
def test_no_password_is_in_an_environment(process: Process) -> None:
    said = TOLD[process]
    for name, value in said.values.items():
        if name.endswith("_URL") and value:
            assert urlsplit(value).username is None
            assert urlsplit(value).password is None
        is_harmless = name in {"LOG_PROJECT_KEY", "INGEST_RATE_KEY"}
        assert not name.endswith(("_KEY", "_TOKEN", "_PASSWORD")) or is_harmless
    assert said.values["DATABASE_URL"].endswith(":5432/rootnote?sslmode=require")
    if "REDIS_URL" in said.values:
        assert urlsplit(said.values["REDIS_URL"]).scheme == "rediss"
        assert said.values["REDIS_URL"].endswith(":6379/0?ssl_cert_reqs=required")
        assert said.values["REDIS_SECRET"] == "Data.CacheSecret"
    if process is not Process.BEAT:
        assert said.values["DATABASE_SECRET"] == "Data.Database.MasterUserSecret.SecretArn"


def test_models_keys_go_to_the_worker_alone_and_are_read_when_it_starts() -> None:
    assert dict(TOLD[Process.WORKER].secrets) == {
        key: f"Data.ModelKeysSecret:{key}::" for key in ("OPENAI_API_KEY", "GEMINI_API_KEY")
    }
    assert all(not said.secrets for process, said in TOLD.items() if process is not Process.WORKER)


def test_each_is_told_of_the_queues_that_it_needs() -> None:
    assert TOLD[Process.API].values["EVENT_BUFFER_URL"] == "Api.EventBufferQueue"
    dead = TOLD[Process.BUFFERED_EVENTS].values["EVENT_BUFFER_DEAD_LETTER_URL"]
    assert dead == "Api.EventBufferDeadLetterQueue"
    assert TOLD[Process.API].values["AUTH"] == "required"


def test_connections_are_few() -> None:
    sizes = {p: said.values.get("DATABASE_POOL_SIZE") for p, said in TOLD.items()}
    assert {sizes[p] for p in FUNCTIONS - {Process.MIGRATE}} == {"1"}
    assert {sizes[p] for p in (Process.WORKER, Process.MAINTENANCE)} == {"2"}


def test_functions_say_who_they_are() -> None:
    for process in FUNCTIONS:
        assert TOLD[process].values["POWERTOOLS_SERVICE_NAME"] == process
        assert TOLD[process].values["POWERTOOLS_METRICS_NAMESPACE"] == "Rootnote"
