"""Stands in for infra/data.yaml, whose RDS and ElastiCache LocalStack only says it made.

It takes the same parameters and gives the same outputs, with secrets of the same form in LocalStack's own
Secrets Manager; the servers behind them are the caller's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from infra.local.errors import LocalError
from infra.localstack.packaging import Template, read_template

NO_PASSWORD = "none"  # noqa: S105 - for a server that asks for none


def write_data_stand_in(path: Path, real: Path, *, database_url: str, redis_url: str) -> Path:
    """Write it to `path`, for `Deployer.deploy(…, nested={"Data": path})`. `real` is infra/data.yaml.

    Credentials in the URLs go into the secrets. LocalError when the real one has come to give other outputs.
    """
    template = data_stand_in(read_template(real), database_url=database_url, redis_url=redis_url)
    path.write_text(json.dumps(template))
    return path


def data_stand_in(real: Template, *, database_url: str, redis_url: str) -> Template:
    database, cache = urlsplit(database_url), urlsplit(redis_url)
    user = {
        "username": unquote(database.username or ""),
        "password": unquote(database.password or NO_PASSWORD),
    }
    outputs = {
        "DatabaseUrl": _without_credentials(database_url),
        "DatabaseSecretArn": {"Ref": "DatabaseSecret"},
        "DatabaseId": "stand-in",
        "CacheUrl": _without_credentials(redis_url),
        "CacheSecretArn": {"Ref": "CacheSecret"},
        "CacheNodeId": "stand-in",
        "ModelKeysSecretArn": {"Ref": "ModelKeysSecret"},
    }
    if outputs.keys() != real["Outputs"].keys():
        differing = ", ".join(sorted(outputs.keys() ^ real["Outputs"].keys()))
        raise LocalError(f"the stand-in for the data stack and the real one differ in outputs: {differing}")
    return {
        "Parameters": real["Parameters"],
        "Resources": {
            "DatabaseSecret": _secret(user),
            "CacheSecret": _secret({"password": unquote(cache.password or "")}),
            "ModelKeysSecret": _secret({"OPENAI_API_KEY": "", "GEMINI_API_KEY": ""}),
        },
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def _secret(value: dict[str, str]) -> dict[str, Any]:
    return {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": json.dumps(value)}}


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
