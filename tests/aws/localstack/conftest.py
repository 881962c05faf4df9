"""One LocalStack for all tests of a session; its log under a test that fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from infra.localstack.deployer import Deployed
from infra.localstack.server import RUNTIME, VENV, LocalStackServer
from tests.aws.localstack.cloud import Cloud

HERE = Path(__file__).parent
SETTINGS = {
    # A failed asynchronous invocation is tried again after 1 s and 2 s, and not after minutes.
    "LAMBDA_RETRY_BASE_DELAY": "1",
}
TOLD_LINES = 60

_log = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL."""
    if not (VENV / ".ready").exists():
        pytest.skip(f"LocalStack is not installed; install it with: make {VENV.name}/.ready")
    server = LocalStackServer(tmp_path_factory.mktemp("localstack") / "data", settings=SETTINGS)
    request.config.stash[_log] = server.log
    with server:
        yield server.url


@pytest.fixture(scope="session")
def cloud(localstack: str) -> Cloud:
    return Cloud(localstack)


@pytest.fixture(scope="session")
def machinery(cloud: Cloud) -> Deployed:
    """A stack with one of each kind of thing."""
    return cloud.deploy(HERE / "machinery.yaml", machinery_parameters())


def machinery_parameters() -> dict[str, str]:
    return {
        "Environment": "local",
        "Runtime": RUNTIME,
        "Email": "",
        "Threshold": "0.5",
        "Version": "1",
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    log = item.config.stash.get(_log, None)
    if report.failed and log is not None and log.exists():
        last = log.read_text(errors="replace").splitlines()[-TOLD_LINES:]
        report.sections.append(("LocalStack's last lines", "\n".join(last)))
    return report
