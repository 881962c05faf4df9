"""A small checkout, an account on loopback, and programs that only tell how they were called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.deploy.__main__ import main
from infra.deploy.cli import Start
from tests.fakes.aws_server import running_aws
from tests.infra.deploy.account import REGION, Account

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Environment: {Type: String, Default: staging}
  ImageUri: {Type: String}
  SchemaVersion: {Type: String}
  Release: {Type: String, Default: none}
  LambdaRuntime: {Type: String, Default: python3.11}
  Architecture: {Type: String, Default: arm64}
  MultiAz: {Type: String, Default: 'false'}
  WorkerMaxTasks: {Type: Number, Default: 10}
  AlarmEmail: {Type: String, Default: ''}
Conditions:
  Mailed: !Not [!Equals [!Ref AlarmEmail, '']]
"""
SAMCONFIG = """\
version = 0.1
[default.global.parameters]
stack_name = "rootnote-local"
[staging.global.parameters]
stack_name = "rootnote-staging"
[staging.deploy.parameters]
parameter_overrides = ["Environment=staging", "WorkerMaxTasks=3", "Architecture=x86_64",
  'AlarmEmail="ada lovelace@example.org"']
[arm.deploy.parameters]
stack_name = "rootnote-arm"
parameter_overrides = "Architecture=arm64"
[typo.deploy.parameters]
stack_name = "rootnote-typo"
parameter_overrides = "Environment=typo WorkerMaxTask=3"
[mars.deploy.parameters]
stack_name = "rootnote-mars"
parameter_overrides = "Architecture=sparc"
[nameless.deploy.parameters]
resolve_s3 = true
"""
# A stand-in tells the fake account everything about itself and does what that says. By way of a shell: a
# checkout's path may have a space in it, and that of a script's program may not.
STAND_IN = """\
#!/bin/sh
'''exec' "{python}" -I "$0" "$@"
' '''
import http.client, json, os, sys
told = {{"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd()}}
told["stdin"] = sys.stdin.read() if "--password-stdin" in sys.argv else ""
connection = http.client.HTTPConnection("{host}")
connection.request("POST", "/_tool", json.dumps(told))
answer = json.loads(connection.getresponse().read())
print(answer["out"])
print(answer.get("err", ""), file=sys.stderr)
sys.exit(answer["code"])
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


Run = Callable[..., Ran]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with running_aws() as aws:
        unwanted = re.compile("AWS_.*|.*_proxy|ARCH|PYTHON_VERSION", re.IGNORECASE)
        for name in filter(unwanted.fullmatch, list(os.environ)):
            monkeypatch.delenv(name)
        nowhere = str(tmp_path / "none")
        for name, value in {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        aws.pages |= {
            "/live/healthz": (200, {"status": "ok"}),
            "/live/readyz": (200, {"status": "ok", "checks": {"postgres": {"ok": True}}}),
        }
        yield Account(aws)


@pytest.fixture
def tools(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder on the PATH: git is real, the others are stand-ins."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "podman", "sam"):
        script = STAND_IN.format(python=sys.executable, host=account.aws.url.removeprefix("http://"))
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    git = shutil.which("git")
    assert git
    (folder / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("committed")
    files = {
        "template.yaml": TEMPLATE,
        "samconfig.toml": SAMCONFIG,
        "infra/registry.yaml": "Resources: {}\n",
        "Dockerfile.worker": "FROM scratch\n",
        ".dockerignore": "*\n!core\n!requirements.txt\n**/*.pyc\n",
        ".gitignore": ".aws-sam/\n",
        "requirements.txt": "",
        "core/code.py": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "--quiet", "--message=one"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


@pytest.fixture
def checkout(committed: Path, tools: Path, tmp_path: Path) -> Path:
    """The test's own, with nothing changed since the commit."""
    return shutil.copytree(committed, tmp_path / "checkout")


@pytest.fixture
def run(checkout: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """`python -m infra.deploy …` in this process, without its waits."""

    def run(*words: str) -> Ran:
        code = main(words, start=Start(root=checkout, sleep=lambda _: None))
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run
