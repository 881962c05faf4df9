"""The commands, as they are typed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from core.domain.access import Scope
from infra.deploy import api_keys, bundles, logs, model_keys, removal, rollout, status
from infra.deploy.console import Console
from infra.deploy.deployment import Deployment, open_deployment

ROOT = Path(__file__).resolve().parents[2]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a test may change: the checkout, and how to wait."""

    root: Path = ROOT
    sleep: Callable[[float], None] = time.sleep


class _Since(click.ParamType[timedelta]):
    name = "time"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return logs.parse_since(value)
        except ValueError as exc:
            self.fail(f"{value!r}: {exc}", param, ctx)


def _where(command: F) -> F:
    """The options that say which environment, and which AWS."""
    for option in (
        click.option(
            "--profile", "aws_profile", help="Of AWS credentials; else samconfig.toml's, or AWS_PROFILE."
        ),
        click.option("--region", help="Else samconfig.toml's, or AWS_REGION."),
        click.option("--env", "environment", required=True, help="A section of samconfig.toml: staging, …"),
    ):
        command = option(command)
    return command


def _open(
    start: Start, environment: str, region: str | None, aws_profile: str | None, console: Console
) -> Deployment:
    return open_deployment(
        start.root,
        environment,
        region=region,
        aws_profile=aws_profile,
        console=console,
        sleep=start.sleep,
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Rootnote in your own AWS account: build, deploy, watch, remove. docs/aws.md walks through it."""


@cli.command()
@click.option(
    "--env", "environment", default="default", show_default=True, help="A section of samconfig.toml."
)
@click.pass_obj
def build(start: Start, environment: str) -> None:
    """Build the Lambda bundles and the template into .aws-sam/build. Needs no AWS account."""
    bundles.build(start.root, environment, console=Console())


@cli.command()
@_where
@click.option("--engine", type=click.Choice(["docker", "podman"]), help="Else the first that answers.")
@click.option(
    "--rebuild-image", is_flag=True, help="Though its content was pushed before: for a new base image."
)
@click.option("--yes", is_flag=True, help="Do not ask, though samconfig.toml has confirm_changeset.")
@click.option(
    "--patience",
    default=180,
    show_default=True,
    help="Seconds that the smoke test waits for all to be green.",
)
@click.pass_obj
def deploy(
    start: Start,
    environment: str,
    region: str | None,
    aws_profile: str | None,
    engine: str | None,
    rebuild_image: bool,
    yes: bool,
    patience: int,
) -> None:
    """Check, build, push and deploy; then ask the API how it is. Running it again changes what changed."""
    deployment = _open(start, environment, region, aws_profile, Console())
    rollout.deploy(deployment, engine=engine, rebuild_image=rebuild_image, ask=not yes, patience=patience)


@cli.command(name="status")
@_where
@click.pass_obj
def show_status(start: Start, environment: str, region: str | None, aws_profile: str | None) -> None:
    """What is deployed, how many tasks run, and whether every part is well."""
    status.show_status(_open(start, environment, region, aws_profile, Console()))


@cli.command(name="logs")
@_where
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--since", type=_Since(), default="10m", show_default=True, help="90s, 10m, 2h, 7d.")
@click.option(
    "--filter", "pattern", default="", help="CloudWatch's pattern: '{ $.level = \"error\" }' or ERROR."
)
@click.option("--only", multiple=True, help="A function or container: worker, api, …; may be repeated.")
@click.pass_obj
def show_logs(
    start: Start,
    environment: str,
    region: str | None,
    aws_profile: str | None,
    follow: bool,
    since: timedelta,
    pattern: str,
    only: tuple[str, ...],
) -> None:
    """What all functions and containers say, in order of time (UTC)."""
    deployment = _open(start, environment, region, aws_profile, Console())
    logs.show_logs(deployment, since=since, follow=follow, pattern=pattern, only=only)


@cli.command()
@_where
@click.option("--yes", is_flag=True, help="Do not ask for the environment's name.")
@click.pass_obj
def destroy(start: Start, environment: str, region: str | None, aws_profile: str | None, yes: bool) -> None:
    """Delete the environment with its database. The database leaves a last snapshot."""
    console = Console()
    deployment = _open(start, environment, region, aws_profile, console)
    identity = deployment.aws.identity()
    stack = removal.find_doomed(deployment)
    if stack is None:
        console.say(f"there is no stack {deployment.profile.stack} in {deployment.aws.region}")
        return
    where = f"{stack.name} in AWS account {identity.account}, {deployment.aws.region}"
    if not yes:
        typed = click.prompt(
            f"This deletes {where}, with its database. Type {environment} to go on", default=""
        )
        if typed.strip() != environment:
            raise click.ClickException("that is not its name: nothing was changed")
    removal.destroy(deployment, stack)


@cli.command(name="create-key")
@_where
@click.option("--scope", type=click.Choice([str(scope) for scope in Scope]), required=True)
@click.option("--project", "project_key", help="Its key; left out: good for every project.")
@click.option("--name", default="", help="For whom it is.")
@click.pass_obj
def create_key(
    start: Start,
    environment: str,
    region: str | None,
    aws_profile: str | None,
    scope: str,
    project_key: str | None,
    name: str,
) -> None:
    """Make an API key and print it, this once. Only its hash leaves this machine."""
    # On standard output, the key stands alone: KEY=$(… create-key …).
    deployment = _open(start, environment, region, aws_profile, Console(sys.stderr))
    click.echo(api_keys.create_key(deployment, scope=Scope(scope), project_key=project_key, name=name))


@cli.command(name="set-model-keys")
@_where
@click.option("--from-env", is_flag=True, help="Take OPENAI_API_KEY and GEMINI_API_KEY from the environment.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the worker's new tasks.")
@click.pass_obj
def set_model_keys(
    start: Start, environment: str, region: str | None, aws_profile: str | None, from_env: bool, no_wait: bool
) -> None:
    """Store the models' keys in Secrets Manager and start the worker's tasks anew.

    At a terminal it asks for each, without showing it; else it reads NAME=value lines from standard input.
    """
    console = Console()
    deployment = _open(start, environment, region, aws_profile, console)
    if from_env:
        keys = {name: os.environ[name] for name in model_keys.NAMES if os.environ.get(name)}
    elif sys.stdin.isatty():
        keys = _ask_for_keys()
    else:
        keys = model_keys.read_lines(sys.stdin.read())
    if not keys:
        raise click.ClickException("no key was given: nothing was changed")
    model_keys.set_model_keys(deployment, keys, wait=not no_wait)


def _ask_for_keys() -> dict[str, str]:
    keys = {}
    for name in model_keys.NAMES:
        typed = click.prompt(
            f"{name} (Enter: as it is, -: none)", hide_input=True, default="", show_default=False
        ).strip()
        if typed:
            keys[name] = "" if typed == "-" else typed
    return keys
