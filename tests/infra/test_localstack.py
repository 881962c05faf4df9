"""The parts of `make localstack` that need no LocalStack."""

from __future__ import annotations

from pathlib import Path

from infra.local.environment import Settings
from infra.localstack.deploy import Note
from infra.localstack.server import LocalStackServer
from infra.localstack.welcome import welcome
from infra.localstack.whole import make_whole_plan

NOTE = Note(
    api_url="http://127.0.0.1:4566/_aws/execute-api/abc/live",
    faked={"AWS::ECS::Cluster": 1, "AWS::ECS::Service": 2},
)


def test_an_account_of_the_callers_is_left_out(tmp_path: Path) -> None:
    mine = {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "AWS_ACCESS_KEY_ID": "mine"}
    settings = Settings(values={**mine, "OPENAI_MODEL": "small"}, port=8000)
    plan = make_whole_plan(settings, tmp_path, tmp_path, LocalStackServer(tmp_path / "data"))
    assert "mine" not in plan.env.values()
    assert plan.env["OPENAI_MODEL"] == "small"
    assert set(plan.servers) == {"DATABASE_URL", "REDIS_URL", "AWS_ENDPOINT_URL"}


def test_the_functions_are_the_api(tmp_path: Path) -> None:
    settings = Settings(values={}, port=8000)
    plan = make_whole_plan(settings, tmp_path, tmp_path, LocalStackServer(tmp_path / "data"))
    assert [service.name for service in plan.services] == ["worker", "maint", "beat"]
    NOTE.write(tmp_path)
    assert callable(plan.ready_url)
    assert plan.ready_url() == f"{NOTE.api_url}/readyz"


def test_the_welcome_says_how_to_use_it_and_what_is_not_there(tmp_path: Path) -> None:
    said = welcome(NOTE, root=tmp_path, folder=tmp_path, url="http://127.0.0.1:4566", key="rn_key")
    assert f"curl -X POST {NOTE.api_url}/api/v1/events -H 'Authorization: Bearer rn_key'" in said
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566" in said
    assert "  AWS::ECS::Cluster\n  AWS::ECS::Service (2)\n" in said
