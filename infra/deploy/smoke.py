"""Whether what was deployed answers, as a client sees it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError

_CALL_SECONDS = 35
"""API Gateway gives up after 29."""
_PAUSE_SECONDS = 5.0
_VITAL = ("postgres", "migrations")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """`status` 0: nobody answered; `error` says why."""

    status: int
    body: Mapping[str, Any]
    error: str = ""

    @property
    def red(self) -> dict[str, str]:
        """Each check of /readyz that is not well, and what it says."""
        checks: Mapping[str, Mapping[str, Any]] = self.body.get("checks", {})
        return {
            name: ", ".join(f"{key}={value}" for key, value in check.items() if key != "ok")
            for name, check in checks.items()
            if not check.get("ok")
        }


def smoke_test(deployment: Deployment, api_url: str, *, patience: float) -> None:
    """Ask /healthz and /readyz, for up to `patience` seconds until all is green, and say what they said.

    What is red but only delays work (no worker yet, no beat yet) is a warning. Raises DeployError where
    the API does not answer or cannot reach its database.
    """
    console = deployment.console
    health = _until(deployment, f"{api_url}/healthz", patience)
    if health.status != 200:
        raise DeployError(
            f"{api_url}/healthz: {_said(health)}; look at `make logs ENV={deployment.profile.name}`"
        )
    console.good(f"{api_url}/healthz: {_said(health)}")
    ready = _until(deployment, f"{api_url}/readyz", patience)
    say = console.good if ready.status == 200 else console.warn
    say(f"{api_url}/readyz: {_said(ready)}")
    for name, why in ready.red.items():
        console.warn(f"  {name} is not well ({why or 'no more is known'})")
    broken = [name for name in _VITAL if name in ready.red]
    if broken or not ready.body:
        raise DeployError(
            f"deployed, but not ready: {', '.join(broken) or _said(ready)}; "
            f"look at `make logs ENV={deployment.profile.name}`"
        )


def get(url: str) -> Reply:
    # The URL is the stack's own output.
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - see above
    try:
        with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as response:  # noqa: S310 - see above
            return Reply(status=response.status, body=_json(response.read()))
    except urllib.error.HTTPError as exc:
        with exc:
            return Reply(status=exc.code, body=_json(exc.read()))
    except (OSError, ValueError) as exc:
        return Reply(status=0, body={}, error=str(exc))


def _until(deployment: Deployment, url: str, patience: float) -> Reply:
    waited = 0.0
    while True:
        reply = get(url)
        if reply.status == 200 or waited >= patience:
            return reply
        if waited == 0:
            deployment.console.say(f"{url}: {_said(reply)}; asking again for up to {patience:.0f} s")
        deployment.sleep(_PAUSE_SECONDS)
        waited += _PAUSE_SECONDS


def _said(reply: Reply) -> str:
    if reply.status == 0:
        return f"no answer ({reply.error})"
    return f"{reply.status} {reply.body.get('status') or reply.body.get('message') or ''}".rstrip()


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
