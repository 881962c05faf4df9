"""Rootnote's own root template on LocalStack, whole: bundles for this machine, and the data stand-in."""

from __future__ import annotations

from pathlib import Path

from infra.bundle.build import build
from infra.bundle.recipe import LIGHT, MIGRATE
from infra.bundle.target import NO_IMAGE, Target
from infra.localstack.data_stand_in import write_data_stand_in
from infra.localstack.deployer import Deployed, Deployer, Say
from infra.localstack.server import ROOT

NAME = "rootnote-local"
_LIGHT_FUNCTIONS = ("ApiFunction", "BufferedEventsFunction", "LogEventsFunction", "BacklogMetricFunction")
_REST_API = "AWS::ApiGateway::RestApi"
_STAGE = "live"


def deploy(
    deployer: Deployer, target: Target, folder: Path, *, database_url: str, redis_url: str, say: Say
) -> Deployed:
    """Migrates the database as well, by the stack's custom resource. `folder` is for the stand-in's template.

    Raises BundleError, LocalError.
    """
    data = write_data_stand_in(
        folder / "data.json",
        ROOT / "infra" / "data.yaml",
        database_url=database_url,
        redis_url=redis_url,
    )
    light, migrate = build(LIGHT, target, say=say), build(MIGRATE, target, say=say)
    return deployer.deploy(
        NAME,
        ROOT / "template.yaml",
        parameters(target),
        code=dict.fromkeys(_LIGHT_FUNCTIONS, light) | {"MigrateFunction": migrate},
        nested={"Data": data},
    )


def parameters(target: Target) -> dict[str, str]:
    return {
        "Environment": "local",
        "ImageUri": NO_IMAGE,
        "SchemaVersion": "local",
        "LambdaRuntime": target.runtime,
        "Architecture": target.architecture,
        "ApiAccessLogs": "off",
        "DeletionProtection": "false",
        "ApiThrottleRate": "1000",
        "ApiThrottleBurst": "1000",
    }


def api_url(localstack: str, stack: Deployed) -> str:
    """The one REST API's, without a final slash. AWS's own form needs a name server of LocalStack's."""
    (api,) = (resource.id for resource in stack.resources if resource.kind == _REST_API)
    return f"{localstack}/_aws/execute-api/{api}/{_STAGE}"
