"""Everything of `make sam-local`, in order: image, bundles, servers, worker, `sam local`, and its end."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from infra.bundle.target import Target, native
from infra.containers.engine import find_engine
from infra.containers.errors import Unavailable
from infra.local import preflight, process
from infra.local.__main__ import make_plan, without_api
from infra.local.admin_key import admin_key
from infra.local.console import Console
from infra.local.environment import Settings, write_assignments
from infra.local.errors import LocalError
from infra.local.service import Service
from infra.local.supervisor import Plan, Server, Supervisor, python
from infra.local.welcome import EVENT
from infra.samlocal import sam, serve
from infra.samlocal.engines import Docker, Podman, PodmanApi, prepared, remove_containers
from infra.samlocal.image import LambdaImage, find_image
from infra.samlocal.places import Places
from infra.samlocal.relay import Relay, is_loopback

_READY_SECONDS = 150.0
"""The first time, SAM makes an image of its own before it answers."""
_STOP_SECONDS = 20.0


def run(settings: Settings, places: Places, console: Console) -> None:
    """Return when it was asked to stop. Raises LocalError, ContainerError."""
    target = _target()
    if process.port_is_taken(settings.port):
        raise LocalError(
            f"port {settings.port} is taken by another program; try make sam-local PORT={settings.port + 1}"
        )
    engine = find_engine(places.containers)
    preflight.prepare_folder(places.local)
    places.folder.mkdir(exist_ok=True)
    with preflight.one_run(places.local):
        console.say(f"containers by {engine.kind} {engine.version}")
        image = find_image(engine, target, places.root / "requirements/dev.txt", console.say)
        _build(places, target, console)
        admin_key(places.key)
        forget(places)
        try:
            with prepared(engine, places.containers) as found:
                # A run that was killed may have left some.
                remove_containers(found.engine, places.build)
                _serve(settings, places, found, target, image, console)
        finally:
            forget(places)


def _serve(
    settings: Settings,
    places: Places,
    found: Docker | Podman,
    target: Target,
    image: LambdaImage,
    console: Console,
) -> None:
    plan = make_plan(settings, places.root, token="", servers_only=False)  # nosec B106 # no API, no token
    plan = with_sam(plan, places, found, target.sam_parameters, image, port=settings.port)

    def ready(env: Mapping[str, str]) -> None:
        write_assignments(places.local / "env", _assignments(env, places))
        console.plain(_welcome(settings.port, places, image))

    try:
        Supervisor(plan, console).run(ready)
    finally:
        left = remove_containers(found.engine, places.build)
        console.say(f"removed {left} containers that sam had left" if left else "no container is left")


def with_sam(
    plan: Plan, places: Places, found: Docker | Podman, target: str, image: LambdaImage, *, port: int
) -> Plan:
    """`make run`'s plan with `sam local` in uvicorn's place."""
    servers = dict(plan.servers)
    env = dict(plan.env)
    for variable, relayed, default_port in (
        ("DATABASE_URL", serve.DATABASE_URL, 5432),
        ("REDIS_URL", serve.REDIS_URL, 6379),
    ):
        name, server = servers.get(variable, (variable, None))
        if server is None and not is_loopback(env[variable]):
            env[relayed] = env[variable]
            continue
        relay = Relay(found.network, _target_of(server, env.get(variable, "")), default_port=default_port)
        servers[relayed] = (f"relay to {name}", relay)
    if isinstance(found, Podman):
        servers["DOCKER_HOST"] = ("podman's API", PodmanApi(found, places.local / "log" / "podman.log"))
    else:
        env["DOCKER_HOST"] = found.host
    words = ["--root", str(places.root), "--port", str(port), "--target", target]
    words += ["--image", image.given] if image.given else []
    api = Service(name="api", argv=python("infra.samlocal.serve", *words), stop_seconds=_STOP_SECONDS)
    services = (api, *without_api(plan))
    return replace(plan, servers=servers, env=env, services=services, ready_seconds=_READY_SECONDS)


def _target_of(server: Server | None, url: str) -> Callable[[], str]:
    return (lambda: url) if server is None else (lambda: server.url)


def invoke(places: Places, function: str, event: str) -> int:
    """Run one function beside a run, and return sam's exit code."""
    session = sam.Session.read(places.session)
    command = sam.invoke_command(places, session, function, event)
    done = subprocess.run(command, cwd=places.root, env=sam.environment(places, session), check=False)
    return done.returncode


def _target() -> Target:
    target = native()
    if target is None:
        raise Unavailable("Lambda has no runtime for this machine or its Python (Linux; 3.11, 3.12 or 3.13)")
    return target


def _build(places: Places, target: Target, console: Console) -> None:
    began = time.monotonic()
    console.say(f"sam build for {target.runtime}, {target.architecture} (a minute at first)")
    sam.build(places, target)
    console.say(f"sam build done in {time.monotonic() - began:.1f} s")


def forget(places: Places) -> None:
    """Remove the files that are there for others while it runs."""
    for path in (places.local / "env", places.session, places.env_json):
        path.unlink(missing_ok=True)


def _assignments(env: Mapping[str, str], places: Places) -> dict[str, str]:
    kept = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "DOCKER_HOST")}
    return kept | {"API_URL": f"http://127.0.0.1:{env['PORT']}", "API_KEY": admin_key(places.key)}


def _welcome(port: int, places: Places, image: LambdaImage) -> str:
    api, key = f"http://127.0.0.1:{port}", admin_key(places.key)
    authorised = f"-H 'Authorization: Bearer {key}'"
    runtime = f"{image.name} (a stand-in on Debian, not AWS's image)" if image.is_stand_in else image.name
    lines = [
        "",
        "Rootnote runs as a Lambda function, under sam local start-api. Ctrl-C stops it.",
        f"  API         {api}",
        f"  API key     {key}",
        f"  runtime     {runtime}",
        "",
        "Send an error:",
        f"  curl -X POST {api}/api/v1/events {authorised} -H 'Content-Type: application/json' -d '{EVENT}'",
        "",
        "Read what was made of it:",
        f"  curl {authorised} {api}/api/v1/events",
        "",
        "Another function, in another terminal:",
        "  make sam-invoke FUNCTION=BacklogMetricFunction",
        f"  (EVENT=file.json; DOCKER_HOST and more: . {shlex.quote(str(places.local / 'env'))})",
        "",
    ]
    return "\n".join(lines)
