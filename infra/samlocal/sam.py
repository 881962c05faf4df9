"""Command lines and environment of `sam local`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.bundle.target import NO_IMAGE, Target
from infra.local.environment import write_private
from infra.local.errors import LocalError
from infra.samlocal.places import Places

_PASSED_ON = ("PATH", "LANG", "TERM", "TMPDIR")
# They would give the options of the make that runs this to the one that `sam build` starts.
_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
_BUILD_SECONDS = 900.0
_BLANK = (
    # What the template names does not exist here.
    "DATABASE_SECRET",
    "REDIS_SECRET",
    "EVENT_BUFFER_URL",
    "EVENT_BUFFER_DEAD_LETTER_URL",
    # For a parameter of a nested stack that is given as blank, SAM takes the parameter's name.
    "API_BASE_PATH",
    "CORS_ORIGINS",
    "LOG_PROJECT_KEY",
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What every `sam local` beside this run is told. `image` None: AWS's own."""

    target: str
    image: str | None
    docker_host: str

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Session:
        """Raises LocalError where none runs."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            raise LocalError("nothing runs here: start `make sam-local` in another terminal") from None


def parameters(target: str) -> str:
    """Of the root template. `target` is the bundle's share of them."""
    return f"{target} Environment=local SchemaVersion=local ImageUri={NO_IMAGE}"


def build(places: Places, target: Target, environ: Mapping[str, str] = os.environ) -> None:
    """Bundles and templates into `places.build`. Raises LocalError with what was said."""
    command = [str(places.sam), "build", "--build-in-source", "--build-dir", str(places.build)]
    command += ["--parameter-overrides", parameters(target.sam_parameters)]
    env = {name: value for name, value in environ.items() if name not in _OF_MAKE}
    env |= {"ARCH": str(target.architecture), "PYTHON_VERSION": target.python, "SAM_CLI_TELEMETRY": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=places.root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LocalError(f"sam build did not end within {_BUILD_SECONDS:g} s") from None
    if done.returncode:
        raise LocalError(f"sam build failed:\n{done.stdout.strip()}")


def start_api_command(places: Places, session: Session, port: int) -> list[str]:
    # Containers are made at a function's first call: there is no use in four for functions without HTTP.
    serving = ["--host", "127.0.0.1", "--port", str(port), "--warm-containers", "LAZY", "--no-watch"]
    return [str(places.sam), "local", "start-api", *serving, *_common(places, session)]


def invoke_command(places: Places, session: Session, function: str, event: str) -> list[str]:
    """`event` is a file, - for standard input."""
    return [
        *(str(places.sam), "local", "invoke", function, "--event", event),
        *_common(places, session),
    ]


def _common(places: Places, session: Session) -> list[str]:
    words = ["--template-file", str(places.build / "template.yaml"), "--env-vars", str(places.env_json)]
    words += ["--container-host-interface", "127.0.0.1", "--container-host", "127.0.0.1"]
    words += ["--layer-cache-basedir", str(places.folder / "layers"), "--skip-pull-image"]
    words += ["--parameter-overrides", parameters(session.target)]
    return words + (["--invoke-image", session.image] if session.image else [])


def environment(places: Places, session: Session, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Little of the caller's: SAM gives a shell's variables to functions, AWS credentials among them, and
    would send calls of its own containers to a proxy."""
    kept = {name: environ[name] for name in _PASSED_ON if name in environ}
    return kept | {
        "HOME": str(places.folder),
        "DOCKER_HOST": session.docker_host,
        "SAM_CLI_TELEMETRY": "0",
        # With credentials, real or not, SAM asks AWS whose they are: ten seconds where nothing answers.
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def function_variables(*, database_url: str, redis_url: str) -> dict[str, dict[str, str]]:
    """--env-vars for all functions, nested or not."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "AUTH": "required"}
    return {"Parameters": given | dict.fromkeys(_BLANK, "")}
