"""The image that Lambda's containers run: AWS's own, or a stand-in where no registry answers."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.bundle.errors import BundleError
from infra.bundle.packages import install, prune
from infra.bundle.target import Architecture, Target
from infra.containers.base import find_base, is_here, registry_has
from infra.containers.engine import Engine, Kind
from infra.containers.errors import ContainerError, Unavailable
from infra.lambda_runtime.parts import RUNTIME_BRINGS

_PULL_SECONDS = 600.0
_BUILD_SECONDS = 300.0
_COMMAND_SECONDS = 60.0
_PLATFORMS = {Architecture.X86_64: "linux/amd64", Architecture.ARM64: "linux/arm64"}
_KEY_LABEL = "rootnote.key"
_CONDITION = re.compile(r" *;[^\\\n]*")

# For the bundle: Lambda's 3.11 is newer than 3.11.3, so bundles are without it, and Debian's is 3.11.2.
_OLDER_PYTHON_NEEDS = frozenset({"async-timeout"})
# The paths are those of AWS's image.
_BOOTSTRAP = """\
#!/bin/sh
export PYTHONPATH="/var/task:/opt/python:/var/runtime"
exec /usr/local/bin/python3 -m awslambdaric "$_HANDLER"
"""
_CONTAINERFILE = """\
FROM {base}
COPY root/ /
ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime LANG=en_US.UTF-8 TZ=:/etc/localtime
LABEL {label}={key}
WORKDIR /var/task
"""


@dataclass(frozen=True, kw_only=True)
class LambdaImage:
    """`given` is what `sam local` is told with --invoke-image; it finds AWS's own by itself."""

    name: str
    is_stand_in: bool

    @property
    def given(self) -> str | None:
        return self.name if self.is_stand_in else None


def find_image(engine: Engine, target: Target, lock: Path, say: Callable[[str], None]) -> LambdaImage:
    """An image that is here. `lock` pins what AWS's runtime brings. Raises Unavailable, ContainerError."""
    official = f"public.ecr.aws/lambda/python:{target.python}-{target.architecture}"
    platform = _PLATFORMS[target.architecture]
    if is_here(engine, official, platform):
        return LambdaImage(name=official, is_stand_in=False)
    say(f"looking for {official} (once)")
    if registry_has(engine, official):
        engine.call("pull", "--platform", platform, official, seconds=_PULL_SECONDS, show=True)
        return LambdaImage(name=official, is_stand_in=False)
    return _stand_in(engine, target, lock, say)


def _stand_in(engine: Engine, target: Target, lock: Path, say: Callable[[str], None]) -> LambdaImage:
    # Its version is in the name, since SAM's own image on top of it is named by that alone.
    repository = f"localhost/rootnote-lambda-{target.runtime}"
    image = LambdaImage(name=f"{repository}:stand-in", is_stand_in=True)
    platform = _PLATFORMS[target.architecture]
    base = find_base(engine, f"python:{target.python}-slim", platform=platform, say=say, show=False)
    requirements = pins(lock)
    key = _key(requirements, _id(engine, base.name))
    if _label(engine, image.name) == key:
        return image
    _check_python(engine, base.name, target)
    say("no registry has AWS's image: building a stand-in on Debian, with AWS's runtime client and boto3")
    with tempfile.TemporaryDirectory(prefix="rootnote-lambda-") as folder:
        context = Path(folder)
        _fill(context, target, requirements)
        text = _CONTAINERFILE.format(base=base.name, label=_KEY_LABEL, key=key)
        (context / "Containerfile").write_text(text)
        command = ["build", "--file", str(context / "Containerfile"), "--tag", image.name]
        if engine.kind is Kind.PODMAN:
            command += ["--pull=never"]
        engine.call(*command, str(context), seconds=_BUILD_SECONDS)
    # SAM would go on with what it made of the one before.
    made_by_sam = f"{repository}:rapid-{target.architecture}"
    engine.attempt("image", "rm", made_by_sam, seconds=_COMMAND_SECONDS)
    return image


def _fill(context: Path, target: Target, requirements: str) -> None:
    runtime, certificates = (context / "root" / place for place in ("var/runtime", "etc/pki/tls/certs"))
    for place in (runtime, certificates, context / "root/var/task", context / "root/opt"):
        place.mkdir(parents=True)
    (certificates / "ca-bundle.crt").symlink_to("/etc/ssl/certs/ca-certificates.crt")
    pinned = context / "requirements.txt"
    pinned.write_text(requirements)
    try:
        install(target, pinned, runtime)
    except BundleError as error:
        raise Unavailable(f"no stand-in for AWS's image: {error}") from None
    prune(runtime)
    bootstrap = runtime / "bootstrap"
    bootstrap.write_text(_BOOTSTRAP)
    bootstrap.chmod(0o755)


def pins(lock: Path) -> str:
    """The lock's own lines, hashes and all, of what the image has; without conditions, which pip would
    judge by the Python that runs it."""
    wanted = {*RUNTIME_BRINGS, *_OLDER_PYTHON_NEEDS}
    entries = re.findall(r"^[\w.-]+==(?:.*\\\n)*.*$", lock.read_text(), re.MULTILINE)
    kept = {entry.partition("==")[0]: entry for entry in entries}
    if missing := wanted - kept.keys():
        raise ContainerError(f"{lock.name} does not pin {', '.join(sorted(missing))}")
    return "\n".join(_CONDITION.sub(" ", kept[name], count=1) for name in sorted(wanted)) + "\n"


def _check_python(engine: Engine, base: str, target: Target) -> None:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    options = ("--rm", "--network=none", "--pull=never", "--entrypoint=/usr/local/bin/python3")
    found = engine.call("run", *options, base, "-c", program, seconds=_COMMAND_SECONDS).strip()
    if found != target.python:
        raise Unavailable(
            f"no registry answers, and a stand-in has Python {found} while the bundle is for "
            f"{target.python}: make sam-local PYTHON=python{found}, in a fresh .venv"
        )


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join((_BOOTSTRAP, _CONTAINERFILE, *parts)).encode()).hexdigest()


def _id(engine: Engine, image: str) -> str:
    return engine.call("image", "inspect", "--format", "{{.Id}}", image, seconds=_COMMAND_SECONDS).strip()


def _label(engine: Engine, image: str) -> str:
    """Blank where there is no such image."""
    template = f'{{{{index .Config.Labels "{_KEY_LABEL}"}}}}'
    done = engine.attempt("image", "inspect", "--format", template, image, seconds=_COMMAND_SECONDS)
    return done.stdout.strip()
