"""boto3's clients of one LocalStack: its address and dummy credentials are given, and not looked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

REGION = "us-east-1"
KEY = "test"
"""LocalStack takes any; AWS takes this for nobody's."""


def client_environment(url: str) -> dict[str, str]:
    """What makes boto3, the AWS CLI and SAM talk to LocalStack, and never to AWS."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


class Clients:
    """Made at first use. One thread each: a test that needs more makes its own."""

    def __init__(self, url: str, *, region: str = REGION) -> None:
        self.url = url
        self._session = boto3.session.Session(
            aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=region
        )
        # A function may take longer than the minute that boto3 waits, and must not be called twice then.
        # A proxy of the environment must not be asked for loopback.
        self._config = Config(read_timeout=300, retries={"total_max_attempts": 1}, proxies={})

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", endpoint_url=self.url, config=self._config)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self._session.client("cloudwatch", endpoint_url=self.url, config=self._config)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._session.client("logs", endpoint_url=self.url, config=self._config)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        return self._session.client("secretsmanager", endpoint_url=self.url, config=self._config)

    @cached_property
    def sqs(self) -> SQSClient:
        return self._session.client("sqs", endpoint_url=self.url, config=self._config)

    @cached_property
    def s3(self) -> Any:
        return self.other("s3")

    @cached_property
    def functions(self) -> Any:
        """AWS Lambda's."""
        return self.other("lambda")

    def other(self, service: str) -> Any:
        """A client that no stubs are installed for."""
        make: Any = self._session.client
        return make(service, endpoint_url=self.url, config=self._config)
