"""The service `api` of `make sam-local`: a key and settings for the functions, then `sam local start-api`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from core.domain.access import Scope, hash_key
from core.domain.ids import new_id
from core.operations import keys
from core.operations.connections import run_connected
from core.queue.publisher import Publisher
from core.store import projects
from core.store.database import Database
from infra.local.environment import write_private
from infra.samlocal import sam
from infra.samlocal.places import Places

DATABASE_URL = "CONTAINERS_DATABASE_URL"
REDIS_URL = "CONTAINERS_REDIS_URL"
PROJECT = "test"
"""Of the event in the welcome."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.samlocal.serve", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--image")
    words = parser.parse_args()
    places = Places(root=words.root)
    session = sam.Session(target=words.target, image=words.image, docker_host=os.environ["DOCKER_HOST"])
    register(places.key.read_text().strip())
    variables = sam.function_variables(database_url=os.environ[DATABASE_URL], redis_url=os.environ[REDIS_URL])
    write_private(places.env_json, json.dumps(variables, indent=2))
    session.write(places.session)
    command = sam.start_api_command(places, session, words.port)
    os.execve(command[0], command, sam.environment(places, session))  # noqa: S606 - no shell is wanted


def register(key: str) -> None:
    """The database may be another one than last time; the key's id is of the key, so twice is as once."""
    key_hash = hash_key(key)

    async def work(database: Database, _: Publisher) -> None:
        await keys.add_hash(
            key_id=uuid5(NAMESPACE_OID, key_hash),
            key_hash=key_hash,
            scope=Scope.ADMIN,
            project_key=None,
            name="make sam-local",
            database=database,
        )
        # With keys, unlike without, an event does not make its project.
        await database.autocommit(lambda connection: projects.create_missing(connection, {PROJECT: new_id()}))

    run_connected(work)


if __name__ == "__main__":
    main()
