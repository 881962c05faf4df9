"""Every environment variable that Rootnote reads, typed, with its default and its reason.

`.env.example` lists the same names; a test holds the two together.
"""

# Without postponed annotations: pydantic would evaluate those of 60 fields one by one at each start.

import json
import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from core.errors import ConfigError
from core.web_origin import exact_origins


class Auth(StrEnum):
    REQUIRED = "required"
    OFF = "off"


class GeminiSdk(StrEnum):
    GENAI = "google-genai"
    GENERATIVEAI = "google-generativeai"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class WithoutRedis(StrEnum):
    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


def _blank_is_none(value: object) -> object:
    """`OPENAI_API_KEY=` in a `.env` means "no key", not "the empty key"."""
    return None if isinstance(value, str) and not value.strip() else value


_PORT = 8_000


def _listed_origins(value: object) -> object:
    return exact_origins(value) if isinstance(value, str) else value


def _from_json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be JSON") from None


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_blank_is_none)]
OptionalAmount = Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_blank_is_none)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
Port = Annotated[
    Annotated[int, Field(ge=1, le=65_535)], BeforeValidator(lambda value: _blank_is_none(value) or _PORT)
]
Origins = Annotated[tuple[str, ...], BeforeValidator(_listed_origins)]
EventRate = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour)$")]
OptionalRate = Annotated[EventRate | None, BeforeValidator(_blank_is_none)]
Prices = Annotated[dict[str, dict[str, float]], BeforeValidator(_from_json)]


class Settings(BaseModel):
    """Read once a process; see `load`. Seconds everywhere, unless a name says otherwise."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_default=True)

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/name")
    database_secret: OptionalText = Field(
        default=None,
        description="a Secrets Manager id whose JSON has username and password for DATABASE_URL, which then "
        "has none; read at run time, so that a rotation needs no restart",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="redis:// or rediss:// (TLS; add ?ssl_cert_reqs=required); never a cluster",
    )
    redis_secret: OptionalText = Field(
        default=None, description="a Secrets Manager id whose JSON has the password for REDIS_URL"
    )
    secret_max_age: float = Field(default=300, gt=0, description="a secret is read again after this")

    event_buffer_url: OptionalText = Field(
        default=None, description="an SQS queue for events while PostgreSQL is away; unset: they get 503"
    )
    event_buffer_dead_letter_url: OptionalText = Field(
        default=None, description="the SQS queue for buffered events that can never be stored"
    )

    auth: Auth = Field(default=Auth.REQUIRED, description="off: loopback only, ingest and reads need no key")
    dev_token: OptionalSecret = Field(
        default=None, description="a key with every scope, honoured with AUTH=off only; make run makes one"
    )

    key_max_age: float = Field(
        default=30,
        ge=0,
        le=300,
        description="a key is looked up again after this: so long may a revoked one still work in a process",
    )

    api_host: str = Field(default="127.0.0.1", description="the address that handlers.serve listens on")
    port: Port = Field(default=_PORT, description="the port that it listens on")
    cors_origins: Origins = Field(
        default=(), description="origins whose web pages may call the API, by commas; unset: none"
    )

    log_level: LogLevel = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_format: LogFormat = Field(default=LogFormat.JSON, description="json, or console for people")

    database_pool_size: int = Field(default=8, ge=1, le=200, description="connections a process may hold")
    database_timeout: float = Field(default=3, gt=0, description="wait for a connection at most this long")
    redis_timeout: float = Field(
        default=1, gt=0, description="a publish gives up after this; the sweeper sends"
    )
    request_timeout: float = Field(
        default=12,
        ge=5,
        description="the API answers within this, with 503 if need be; less than what stands before it waits",
    )
    api_base_path: str = Field(default="", description="what a custom domain puts before every path")
    max_body_bytes: int = Field(default=1_048_576, ge=1_024, description="larger bodies get a 413")
    body_timeout: float = Field(
        default=8, gt=0, description="a body that takes longer gets a 408; it is part of REQUEST_TIMEOUT"
    )
    max_batch_events: int = Field(default=500, ge=1, le=5_000, description="events in one batch request")

    ingest_rate_project: OptionalRate = Field(
        default="200/second",
        description="events of one project that are taken for good, 429 beyond; blank: any number",
    )
    ingest_rate_key: OptionalRate = Field(
        default="500/second", description="the same for one API key, of which one may serve all projects"
    )
    ingest_burst_seconds: float = Field(
        default=10,
        ge=1,
        le=3_600,
        description="so many seconds of its rate are taken at once after a rest, but always a whole batch",
    )
    ingest_rate_without_redis: WithoutRedis = Field(
        default=WithoutRedis.LOCAL,
        description="while Redis is away: local (the same rate for each process), open, or closed (503)",
    )

    openai_api_key: OptionalSecret = Field(default=None, description="the first provider; unset: skipped")
    openai_base_url: OptionalText = Field(default=None, description="any OpenAI-compatible server")
    openai_model: str = Field(default="gpt-6-luna", description="asked for; the answering one is recorded")
    gemini_api_key: OptionalSecret = Field(default=None, description="the fallback provider; unset: skipped")
    gemini_base_url: OptionalText = Field(default=None, description="another endpoint for Gemini")
    gemini_model: str = Field(default="gemini-3.5-flash-lite")
    gemini_sdk: GeminiSdk = Field(
        default=GeminiSdk.GENAI, description="google-genai, or google-generativeai (support ended 2025-11-30)"
    )
    offline_analyser: bool = Field(default=True, description="answer by rules when no model does")
    llm_call_timeout: float = Field(default=60, gt=0, description="one model call")
    llm_budget: float = Field(
        default=200, gt=0, lt=240, description="all calls of one job; below the soft limit"
    )

    model_prices: Prices = Field(
        default_factory=dict,
        description='{"model": {"input": 0.1, "cached_input": 0.01, "output": 0.5}}: USD per million tokens',
    )
    budget_day_usd: OptionalAmount = Field(default=None, description="cap of all projects for a UTC day")
    budget_month_usd: OptionalAmount = Field(default=None, description="cap of all projects for a UTC month")
    analysis_rate: OptionalText = Field(default=None, description="calls of all workers, as 60/minute")
    metadata_rate: OptionalText = Field(default="10/minute", description="the same for metadata")

    log_project_key: OptionalText = Field(
        default=None,
        description="the project of errors found in logs; unset: named by the last part of the log group",
    )
    own_log_groups: str = Field(
        default="", description="prefixes of log groups that are refused, by commas: Rootnote's own"
    )
    deployment: str = Field(default="local", description="the dimension of metrics in CloudWatch")
    worker_concurrency: int = Field(
        default=2, ge=1, description="processes of one worker's pool, for the backlog's metric"
    )
    jobs_per_process: int = Field(
        default=32, ge=1, le=256, description="jobs that each of them works at a time; 1: one after the other"
    )

    enable_sti: bool = Field(default=True, description="generate metadata for projects")
    next_public_show_ai_meta: bool = Field(default=True, description="show generated metadata")
    draft_days: int = Field(
        default=90, ge=1, description="metadata of drafts untouched for longer is removed"
    )
    event_days: int = Field(default=90, ge=1, description="events are kept for so long")
    job_days: int = Field(default=90, ge=1, description="jobs that ended, for so long")
    ledger_days: int = Field(default=400, ge=1, description="model calls, for so long")

    max_retries: int = Field(default=3, ge=0, description="after the first attempt")
    retry_base: float = Field(default=12, gt=0, description="mean wait before the first retry")
    retry_factor: float = Field(default=6, ge=1, description="each wait is this many times the one before")
    retry_max: float = Field(default=600, gt=0, description="no wait is longer")
    lease: float = Field(default=30, ge=3, description="a claim not renewed for this long is lost")
    shutdown_grace: float = Field(
        default=90, ge=0, description="SIGTERM lets jobs go on for this long; then they are given back"
    )
    sweep_interval: float = Field(
        default=5, gt=0, description="between two sweeps for lost jobs; due ones are found twice a second"
    )
    resend_after: float = Field(
        default=15, gt=0, description="a message unheard of for this long is sent again"
    )

    ecs_agent_uri: OptionalText = Field(
        default=None,
        description="set by ECS itself: where a task asks not to be scaled in while it works",
    )
    worker_metrics_port: int = Field(default=9808, ge=0, le=65535, description="0: no metrics server")


@lru_cache(maxsize=1)
def load() -> Settings:
    """The process's settings. Raises ConfigError naming each wrong variable, never a value."""
    try:
        return Settings.model_validate(_variables())
    except ValidationError as exc:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']).upper()}: {e['msg']}"
            for e in exc.errors(include_input=False, include_url=False)
        )
        raise ConfigError(problems) from None


def _variables() -> dict[str, str]:
    """By lower-case names: those of the process, and for the rest those of a `.env` in its folder."""
    sources = (_listed_in(Path(".env")), os.environ)
    return {name.lower(): value for source in sources for name, value in source.items()}


def _listed_in(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    # Here, since a Lambda function has no such file.
    from dotenv import dotenv_values  # noqa: PLC0415

    return {name: value for name, value in dotenv_values(path).items() if value is not None}
