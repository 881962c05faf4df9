"""`create-key`: an API key that only the person at the terminal ever sees."""

from __future__ import annotations

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from infra.deploy.deployment import Deployment
from infra.deploy.one_off import run_once
from infra.deploy.stacks import the_stack


def create_key(deployment: Deployment, *, scope: Scope, project_key: str | None, name: str) -> str:
    """Make a key here, store its hash there, and return it.

    The database is in a private subnet, and what a task prints is kept in CloudWatch Logs: so the key
    is made on this machine and only its sha-256 goes to AWS, as an argument of the task. Of 256 random
    bits, that says nothing. Raises DeployError; then no key was made.
    """
    stack = the_stack(deployment.aws.cloudformation, deployment.profile.stack, deployment.profile.name)
    key, key_id = new_key(), new_id()
    command = ["python", "-m", "core.cli", "keys", "add-hash", "--sha256", hash_key(key), "--id", str(key_id)]
    command += ["--scope", str(scope), "--name", name]
    if project_key is not None:
        command += ["--project", project_key]
    deployment.console.step(f"storing the hash of a new {scope} key, id {key_id}")
    run_once(deployment, stack, command)
    deployment.console.good("stored; this is the only time that the key is shown")
    return key
