"""What a deployment is called, and where its parameters come from."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from core.store.health import HEAD
from infra.deploy.errors import DeployError
from infra.deploy.profile import all_parameters, read_profile
from infra.deploy.version import content_hash, read_version, release
from tests.infra.deploy.account import Account
from tests.infra.deploy.conftest import Run


def test_a_clean_commit_is_called_by_its_id(checkout: Path) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    version = read_version(checkout)
    assert version.label == commit.stdout[:10]
    assert version.schema == f"{HEAD}-{version.label}"


def test_a_dirty_tree_is_said_and_named_by_what_is_in_it(run: Run, account: Account, checkout: Path) -> None:
    (checkout / "core" / "code.py").write_text("one")
    one = read_version(checkout).schema
    assert "-dirty-" in one
    done = run("deploy", "--env", "staging")
    assert "1 files differ from the commit" in done.out
    assert account.stacks["rootnote-staging"].parameters["SchemaVersion"] == one
    (checkout / "core" / "code.py").write_text("two")
    assert read_version(checkout).schema != one


def test_outside_of_git_there_is_a_name_too(checkout: Path) -> None:
    (checkout / ".git").rename(checkout / "git")
    assert read_version(checkout).label == f"no-git-{content_hash(checkout)[:8]}"


def test_content_is_names_and_bytes_of_what_the_image_has(checkout: Path) -> None:
    first = content_hash(checkout)
    os.utime(checkout / "core" / "code.py", (0, 0))
    (checkout / "core" / "__pycache__").mkdir()
    (checkout / "core" / "__pycache__" / "code.pyc").write_text("x")
    (checkout / "docs").mkdir()
    (checkout / "docs" / "x.md").write_text("x")
    assert content_hash(checkout) == first
    (checkout / "core" / "code.py").rename(checkout / "core" / "other.py")
    assert content_hash(checkout) != first


@pytest.mark.parametrize(
    "written",
    [
        '"MultiAz=true AlarmEmail=\\"a b\\" WorkerMaxTasks=7"',
        '["MultiAz=true", "ParameterKey=AlarmEmail,ParameterValue=\'a b\'", "WorkerMaxTasks=7"]',
        '["MultiAz=true AlarmEmail=a\\\\ b", ["WorkerMaxTasks=7"]]',
        '{MultiAz = true, AlarmEmail = "a b", WorkerMaxTasks = 7}',
    ],
)
def test_parameters_in_every_form_that_sam_takes(checkout: Path, written: str) -> None:
    (checkout / "samconfig.toml").write_text(
        f'[it.deploy.parameters]\nstack_name = "s"\nparameter_overrides = {written}\n'
    )
    wanted = {"MultiAz": "true", "AlarmEmail": "a b", "WorkerMaxTasks": "7"}
    assert read_profile(checkout, "it").parameters == wanted


def test_a_command_goes_before_global(checkout: Path) -> None:
    (checkout / "samconfig.toml").write_text(
        '[it.global.parameters]\nstack_name = "s"\nregion = "eu-west-1"\ns3_bucket = "b"\n'
        'parameter_overrides = "MultiAz=true"\n[it.deploy.parameters]\nregion = "eu-west-3"\n'
    )
    profile = read_profile(checkout, "it")
    assert (profile.region, profile.own_bucket, profile.stack) == ("eu-west-3", True, "s")
    assert profile.environment == "staging"
    assert profile.parameters == {"MultiAz": "true"}


def test_parameters_in_a_file_are_refused(checkout: Path) -> None:
    (checkout / "samconfig.toml").write_text(
        '[it.deploy.parameters]\nstack_name = "s"\nparameter_overrides = "file://x.yaml"\n'
    )
    with pytest.raises(DeployError, match=r"write the parameters there instead of file://x\.yaml"):
        read_profile(checkout, "it")


def test_a_template_without_what_every_deployment_gives(checkout: Path) -> None:
    with pytest.raises(DeployError, match=r"template\.yaml has no parameter Colour"):
        all_parameters(read_profile(checkout, "staging"), {"Colour": "red"})


def test_code_templates_and_parameters_make_a_release(checkout: Path) -> None:
    """By which a new version of a function is published; the same of all is the same release."""
    version = read_version(checkout)
    first = release(checkout, version, {"LogLevel": "INFO", "MultiAz": "false"})
    assert release(checkout, version, {"MultiAz": "false", "LogLevel": "INFO"}) == first
    assert release(checkout, version, {"LogLevel": "DEBUG", "MultiAz": "false"}) != first
    assert release(checkout, replace(version, commit="another"), {"LogLevel": "INFO"}) != first
    with (checkout / "template.yaml").open("a") as template:
        template.write("# changed\n")
    assert release(checkout, version, {"LogLevel": "INFO", "MultiAz": "false"}) != first
