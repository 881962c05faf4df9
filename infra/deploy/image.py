"""The worker's image: built, pushed, and from then on known by its digest alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from infra.deploy import children
from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.preflight import Ready
from infra.deploy.registry import Repository


def publish(deployment: Deployment, ready: Ready, repository: Repository, *, rebuild: bool) -> str:
    """`repository@sha256:…` of an image with this content. Raises DeployError.

    What was pushed before is taken again, unless `rebuild` asks for the base image of today.
    """
    prefix = f"{ready.version.content[:16]}-{ready.target.architecture}-"
    digest = None if rebuild else _pushed(deployment, repository, prefix)
    if digest:
        deployment.console.say("this content is in the registry already")
    else:
        # Of its own each time: a repository may forbid to move a tag.
        tag = f"{prefix}{datetime.now(UTC):%Y%m%d%H%M%S}"
        _build(deployment, ready, f"{repository.uri}:{tag}")
        _push(deployment, ready, repository, tag)
        digest = _pushed(deployment, repository, tag)
    if not digest:
        raise DeployError(f"the image was pushed, but {repository.name} does not have it: run this again")
    deployment.console.say(f"{repository.name}@{digest}")
    return f"{repository.uri}@{digest}"


def _build(deployment: Deployment, ready: Ready, reference: str) -> None:
    engine, wanted = ready.engine, ready.target.architecture
    command = engine.build(reference=reference, architecture=wanted, label=ready.version.label)
    deployment.console.say(" ".join(command))
    code = children.show(command, cwd=deployment.root)
    if code == 0:
        return
    problem = f"the image was not built ({engine.name} ended with {code})"
    if engine.native != wanted:
        problem += (
            f": `exec format error` above means that {engine.name} cannot run {wanted}; install QEMU "
            f"(qemu-user-static), or set Architecture={engine.native} in samconfig.toml"
        )
    raise DeployError(problem)


def _push(deployment: Deployment, ready: Ready, repository: Repository, tag: str) -> None:
    engine, root = ready.engine, deployment.root
    [given] = deployment.aws.ecr.get_authorization_token()["authorizationData"]
    token = base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]
    login = children.ask(engine.login(repository.registry), cwd=root, stdin=token, seconds=60)
    if not login.ok:
        raise DeployError(f"{engine.name} could not log in to {repository.registry}: {login.last_line}")
    try:
        code = children.show(engine.push(f"{repository.uri}:{tag}"), cwd=root)
    finally:
        # It would lie in a file of the engine's for the twelve hours that it is good for.
        children.ask(engine.logout(repository.registry), cwd=root)
    if code:
        raise DeployError(f"the image was not pushed ({engine.name} ended with {code}); run this again")


def _pushed(deployment: Deployment, repository: Repository, prefix: str) -> str | None:
    """The digest of the newest image with a tag that begins so."""
    pages = deployment.aws.ecr.get_paginator("describe_images").paginate(
        repositoryName=repository.name, filter={"tagStatus": "TAGGED"}
    )
    found = [
        image
        for page in pages
        for image in page["imageDetails"]
        if any(tag.startswith(prefix) for tag in image["imageTags"])
    ]
    newest = max(found, key=lambda image: image["imagePushedAt"], default=None)
    return str(newest["imageDigest"]) if newest else None
