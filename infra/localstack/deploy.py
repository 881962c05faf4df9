"""The step `deploy` of `make localstack`: the stack, a key in its database, and a note of what was made."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.bundle.errors import BundleError
from infra.bundle.target import native
from infra.local.admin_key import register
from infra.local.errors import LocalError
from infra.localstack import stack
from infra.localstack.clients import Clients
from infra.localstack.deployer import Deployer

KEY_FILE = "api_key"


@dataclass(frozen=True, kw_only=True)
class Note:
    """`faked` counts, by kind, what LocalStack only says it made."""

    api_url: str
    faked: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> Note:
        return cls(**json.loads(note_file(folder).read_text()))

    def write(self, folder: Path) -> None:
        note_file(folder).write_text(json.dumps(asdict(self)))


def note_file(folder: Path) -> Path:
    return folder / "stack.json"


def main(argv: Sequence[str] | None = None) -> int:
    """The servers' URLs come from the environment: AWS_ENDPOINT_URL, DATABASE_URL, REDIS_URL."""
    parser = argparse.ArgumentParser(prog="python -m infra.localstack.deploy", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    folder: Path = parser.parse_args(argv).folder
    try:
        run(folder)
    except (BundleError, LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(folder: Path) -> None:
    """Raises BundleError, LocalError."""
    target = native()
    if target is None:
        raise LocalError("Lambda has no runtime for this machine or its Python (Linux; 3.11, 3.12 or 3.13)")
    url = os.environ["AWS_ENDPOINT_URL"]
    print("bundles for Lambda (a minute at first), then the stack (about a minute)")
    # The data stand-in holds the password of a database that was given.
    with tempfile.TemporaryDirectory() as private:
        deployed = stack.deploy(
            Deployer(Clients(url), say=print),
            target,
            Path(private),
            database_url=os.environ["DATABASE_URL"],
            redis_url=os.environ["REDIS_URL"],
            say=print,
        )
    register((folder / KEY_FILE).read_text().strip(), name="make localstack")
    faked = Counter(resource.kind for resource in deployed.faked)
    Note(api_url=stack.api_url(url, deployed), faked=dict(sorted(faked.items()))).write(folder)


if __name__ == "__main__":
    sys.exit(main())
