"""The service `api` of `make sam-local`: a key and settings for the functions, then `sam local start-api`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from infra.local.admin_key import register
from infra.local.environment import write_private
from infra.samlocal import sam
from infra.samlocal.places import Places

DATABASE_URL = "CONTAINERS_DATABASE_URL"
REDIS_URL = "CONTAINERS_REDIS_URL"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.samlocal.serve", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--image")
    words = parser.parse_args()
    places = Places(root=words.root)
    session = sam.Session(target=words.target, image=words.image, docker_host=os.environ["DOCKER_HOST"])
    register(places.key.read_text().strip(), name="make sam-local")
    variables = sam.function_variables(database_url=os.environ[DATABASE_URL], redis_url=os.environ[REDIS_URL])
    write_private(places.env_json, json.dumps(variables, indent=2))
    session.write(places.session)
    command = sam.start_api_command(places, session, words.port)
    os.execve(command[0], command, sam.environment(places, session))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
