"""The roles that AWS's services use in an account, made before a stack needs them.

A service makes its own at the first use and cannot use it in that very call: the first ECS cluster of an
account would fail, after the database's twenty minutes.
"""

from __future__ import annotations

import time

from botocore.exceptions import ClientError

from infra.deploy.aws import reason
from infra.deploy.deployment import Deployment

_SERVICES = (
    "ecs.amazonaws.com",
    "rds.amazonaws.com",
    "elasticache.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
)
_SETTLE_SECONDS = 15.0
"""Until a new role is known everywhere."""


def ensure_service_roles(deployment: Deployment, *, settle: float = _SETTLE_SECONDS) -> None:
    """Those that are there already are left alone. Who may not make them is told, and goes on."""
    made = [service for service in _SERVICES if _make(deployment, service)]
    if made:
        deployment.console.say(f"made the service's own role of {', '.join(made)}")
        time.sleep(settle)


def _make(deployment: Deployment, service: str) -> bool:
    try:
        deployment.aws.iam.create_service_linked_role(AWSServiceName=service)
    except ClientError as exc:
        if "has been taken" not in exc.response.get("Error", {}).get("Message", ""):
            deployment.console.say(f"the role of {service} was not looked after: {reason(exc)}")
        return False
    return True
