"""One way to AWS: its clients, and its errors in one line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from infra.deploy.errors import DeployError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_secretsmanager import SecretsManagerClient

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
_LOGIN = "run `aws configure` or `aws sso login`, or set AWS_PROFILE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    account: str
    arn: str


class Aws:
    """Clients are made when first used. Without a name, region and profile are what AWS's own tools take."""

    def __init__(self, *, region: str | None, profile: str | None) -> None:
        # boto3 alone of AWS's tools reads AWS_DEFAULT_REGION only.
        region = region or os.environ.get("AWS_REGION") or None
        try:
            self._session = boto3.session.Session(profile_name=profile, region_name=region)
        except ProfileNotFound as exc:
            raise DeployError(f"AWS: {exc}: {_LOGIN}") from exc
        self.profile = profile
        self.region: str = self._session.region_name or ""

    def identity(self) -> Identity:
        """Whose credentials these are. Raises DeployError where they are missing or not accepted."""
        try:
            found = self._session.client("sts", config=_CONFIG).get_caller_identity()
        except NoCredentialsError as exc:
            raise DeployError(f"no AWS credentials: {_LOGIN}") from exc
        except (ClientError, BotoCoreError) as exc:
            raise DeployError(f"the AWS credentials are no good ({reason(exc)}): {_LOGIN}") from exc
        return Identity(account=found["Account"], arn=found["Arn"])

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", config=_CONFIG)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._session.client("logs", config=_CONFIG)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        return self._session.client("secretsmanager", config=_CONFIG)

    @cached_property
    def ecr(self) -> Any:
        return self._session.client("ecr", config=_CONFIG)

    @cached_property
    def iam(self) -> Any:
        return self._session.client("iam", config=_CONFIG)

    @cached_property
    def ecs(self) -> Any:
        return self._session.client("ecs", config=_CONFIG)


def reason(exc: Exception) -> str:
    """Why, in one line."""
    if isinstance(exc, ClientError):
        error = exc.response.get("Error", {})
        said = f"{exc.operation_name}: {error.get('Code', '')}: {error.get('Message', '')}"
    else:
        said = str(exc)
    return " ".join(said.split())
