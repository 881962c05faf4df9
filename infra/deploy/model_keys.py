"""`set-model-keys`: the keys of OpenAI and Gemini, from the terminal into Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.one_off import find_service
from infra.deploy.stacks import Stack, the_stack

NAMES = ("OPENAI_API_KEY", "GEMINI_API_KEY")
_POLL_SECONDS = 10.0
_PATIENCE_SECONDS = 900.0


def read_lines(text: str) -> dict[str, str]:
    """NAME=value lines, as in a .env. Raises DeployError for another name, never quoting a value."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, value = line.partition("=")
        if name.strip() not in NAMES:
            raise DeployError(f"line {number} of standard input does not begin with {' or '.join(NAMES)}=")
        found[name.strip()] = value.strip()
    return found


def set_model_keys(deployment: Deployment, keys: Mapping[str, str], *, wait: bool) -> None:
    """Store these keys, leave the other ones as they are, and start the worker's tasks anew.

    An empty one switches its provider off. Running tasks would go on with what they were started with.
    Raises DeployError.
    """
    aws, console, profile = deployment.aws, deployment.console, deployment.profile
    stack = the_stack(aws.cloudformation, profile.stack, profile.name)
    secret = stack.output("ModelKeysSecretArn")
    stored = json.loads(aws.secrets.get_secret_value(SecretId=secret)["SecretString"])
    aws.secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(stored | dict(keys)))
    for name, value in keys.items():
        console.say(f"{name}: {'stored' if value else 'removed'}")
    service = find_service(deployment, stack)
    aws.ecs.update_service(
        cluster=stack.output("ClusterName"), service=service["serviceName"], forceNewDeployment=True
    )
    console.say(f"{service['serviceName']} starts its tasks anew")
    if wait:
        _wait(deployment, stack)


def _wait(deployment: Deployment, stack: Stack) -> None:
    """Old tasks finish what they have, for up to two minutes each."""
    waited, said = 0.0, ""
    while waited < _PATIENCE_SECONDS:
        service = find_service(deployment, stack)
        [newest] = [each for each in service["deployments"] if each["status"] == "PRIMARY"]
        state = newest.get("rolloutState", "IN_PROGRESS")
        line = f"{newest['runningCount']} of {newest['desiredCount']} new tasks run, {state.lower()}"
        if line != said:
            said = line
            deployment.console.say(line)
        if state == "COMPLETED":
            return
        if state == "FAILED":
            raise DeployError(
                f"the new tasks do not start: {newest.get('rolloutStateReason', 'ECS does not say why')}; "
                f"look at `make logs ENV={deployment.profile.name}`"
            )
        deployment.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    raise DeployError(f"after {_PATIENCE_SECONDS / 60:.0f} minutes it is still so: {said}")
