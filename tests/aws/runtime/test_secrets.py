"""The database's password from Secrets Manager, by the boto3 that Lambda's runtime brings."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.aws.runtime.conftest import Start
from tests.aws.runtime.events import error, post
from tests.fakes.secrets_and_queues import FakeAws

SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:rds!db-1"


def test_the_password_is_read_once(start: Start, environment: dict[str, str], aws: FakeAws) -> None:
    url = urlsplit(environment["DATABASE_URL"])
    aws.secrets[SECRET] = {"username": url.username or "", "password": "not asked for here"}
    given = environment | aws.environment
    given |= {"DATABASE_URL": url._replace(netloc=f"{url.hostname}:{url.port}").geturl()}
    api = start("handlers.api.handler", given | {"DATABASE_SECRET": SECRET})
    assert [post(api, error()).status for _ in range(2)] == [202, 202]
    assert aws.reads == [SECRET]
