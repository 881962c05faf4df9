"""Secrets Manager, read at run time. The only file that speaks to it.

A secret is kept for a while, so that hardly any request waits for it, and read again when a server
refuses it: a rotation needs no restart. The last one known serves while Secrets Manager is away.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from core.errors import SecretUnavailable
from core.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 5.0
"""A refused secret is asked for anew at most this often: a wrong one must not flood Secrets Manager."""


class SecretsManager:
    """One client for all secrets of a process, made when first needed. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._provider: SecretsProvider | None = None

    def provider(self) -> SecretsProvider:
        """Nothing is sent yet. The first call takes a quarter of a second of processor time."""
        with self._lock:
            if self._provider is None:
                self._provider = _provider()
            return self._provider


class StoredSecret:
    """One secret, a JSON object of texts. Threads may share it."""

    def __init__(
        self,
        secret_id: str,
        *,
        max_age: float,
        manager: SecretsManager | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._id = secret_id
        self._manager = manager or SecretsManager()
        self._max_age = max_age
        self._clock = clock
        self._lock = threading.Lock()
        self._value: dict[str, str] | None = None
        self._read_at = 0.0
        self._read_again_at: float | None = None
        self._failure: str | None = None

    def read(self) -> Mapping[str, str]:
        with self._lock:
            if self._value is None:
                self._value = self._first_fetch()
            elif self._clock() - self._read_at > self._max_age:
                self._value = self._fetch_or_keep(self._value)
            return self._value

    def read_again(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            now = self._clock()
            # The first refusal is always worth a look, however lately the secret was read: it may have
            # changed since.
            is_soon = self._read_again_at is not None and now - self._read_again_at < _AGAIN_SECONDS
            if self._value == refused and not is_soon:
                self._read_again_at = now
                self._value = self._fetch()
            return self._value != refused

    def _first_fetch(self) -> dict[str, str]:
        """Those who waited for a reading that failed are told so, and do not each wait for one more."""
        if self._failure is not None and self._clock() - self._read_at < _AGAIN_SECONDS:
            raise SecretUnavailable(self._failure)
        try:
            return self._fetch()
        except SecretUnavailable as exc:
            self._read_at, self._failure = self._clock(), str(exc)
            raise

    def _fetch_or_keep(self, known: dict[str, str]) -> dict[str, str]:
        try:
            return self._fetch()
        except SecretUnavailable as exc:
            logger.warning("a secret cannot be read; the last one known is used", extra={"cause": str(exc)})
            return known

    def _fetch(self) -> dict[str, str]:
        from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
            GetParameterError,
        )

        self._read_at = self._clock()
        provider = self._manager.provider()
        try:
            value = json.loads(str(provider.get(self._id, force_fetch=True)))
        except GetParameterError as exc:
            # Its text is boto3's, which names the secret and the reason, never the value.
            raise SecretUnavailable(f"Secrets Manager: {exc}") from exc
        except ValueError as exc:
            raise SecretUnavailable(f"the secret {self._id} is no JSON") from exc
        if not isinstance(value, dict):
            raise SecretUnavailable(f"the secret {self._id} is no JSON object")
        return {str(name): str(field) for name, field in value.items()}


def _provider() -> SecretsProvider:
    # Imports that only a process with secrets to read pays for.
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return SecretsProvider(
        boto_config=Config(
            connect_timeout=1,
            read_timeout=1.5,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
    )


def database_secret(settings: Settings, manager: SecretsManager | None = None) -> StoredSecret | None:
    return _secret(settings.database_secret, settings, manager)


def redis_secret(settings: Settings, manager: SecretsManager | None = None) -> StoredSecret | None:
    return _secret(settings.redis_secret, settings, manager)


def _secret(secret_id: str | None, settings: Settings, manager: SecretsManager | None) -> StoredSecret | None:
    if secret_id is None:
        return None
    return StoredSecret(secret_id, max_age=settings.secret_max_age, manager=manager)


def database_url(settings: Settings) -> str:
    """DATABASE_URL with the secret's user and password in it, as of now. Raises SecretUnavailable."""
    return _signed(settings.database_url.get_secret_value(), database_secret(settings))


def redis_url(settings: Settings) -> str:
    """REDIS_URL with the secret's password in it, as of now. Raises SecretUnavailable.

    For Celery, which takes nothing but a URL. ElastiCache accepts the old password beside the new one
    while it is rotated, so a worker is restarted after a rotation and not during it.
    """
    return _signed(settings.redis_url.get_secret_value(), redis_secret(settings))


def _signed(url: str, secret: StoredSecret | None) -> str:
    if secret is None:
        return url
    fields = secret.read()
    user = quote(fields.get("username", ""), safe="")
    password = quote(field_of(fields, "password"), safe="")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{host}").geturl()


def field_of(fields: Mapping[str, str], name: str) -> str:
    """Raises SecretUnavailable where the secret has no such field."""
    try:
        return fields[name]
    except KeyError:
        raise SecretUnavailable(f"a secret has no field {name!r}") from None
