"""The whole root template on LocalStack, with this machine's PostgreSQL and Valkey where RDS and ElastiCache
would be, and the task definitions' own commands and environments as processes where ECS would be."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg.rows import dict_row

from core.processes import Process
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.localstack.clients import client_environment
from infra.localstack.deployer import Deployed
from tests.aws.localstack.cloud import Cloud
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until
from tests.infra.aws.deployment import Deployment
from tests.infra.aws.told import told

FIRST_PASSWORD = "first-database-password"
QUEUE_PASSWORD = "queue-password"

# What takes minutes there takes seconds here.
FAST = {"SWEEP_INTERVAL": "1", "RESEND_AFTER": "2", "PYTHONUNBUFFERED": "1", "WORKER_METRICS_PORT": "0"}


class Servers:
    """PostgreSQL and Valkey that ask for passwords, as the managed ones do."""

    def __init__(self, folder: Path) -> None:
        self.postgres = PostgresServer(folder / "postgres", durable=False)
        self.valkey = ValkeyServer(folder / "valkey")

    def start(self) -> None:
        self.postgres.start()
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE rootnote PASSWORD '{FIRST_PASSWORD}'")
        (self.postgres.data_dir / "pg_hba.conf").write_text("host all rootnote 127.0.0.1/32 scram-sha-256\n")
        pid = int((self.postgres.data_dir / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGHUP)
        self.valkey.start()
        with redis.Redis.from_url(self.valkey.url) as client:
            client.config_set("requirepass", QUEUE_PASSWORD)

    def database_url(self, *, password: str) -> str:
        return self.postgres.url.replace("rootnote@", f"rootnote:{password}@")

    def redis_url(self) -> str:
        return self.valkey.url.replace("://", f"://:{QUEUE_PASSWORD}@")

    def stop(self) -> None:
        self.postgres.stop()
        self.valkey.stop()


@dataclass(frozen=True, kw_only=True)
class Account:
    cloud: Cloud
    servers: Servers
    stack: Deployed
    parameters: Mapping[str, str]
    folder: Path

    @property
    def api(self) -> str:
        return self.cloud.api_url(self.stack)

    def name_of(self, function: str) -> str:
        return self.stack.physical_id(function)

    def secret(self, name: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(
            self.cloud.clients.secrets.get_secret_value(SecretId=self.stack.physical_id(name))["SecretString"]
        )
        return found

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        password = self.secret("DatabaseSecret")["password"]
        with psycopg.connect(
            self.servers.postgres.url, password=password, autocommit=True, row_factory=dict_row
        ) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def environment_of(self, process: Process) -> dict[str, str]:
        """What ECS would give the container: its task definition's, with secrets read as ECS reads them."""
        said = told(Deployment({**self.parameters, "ApiAccessLogs": "off"}))[process]
        data = {
            "DATABASE_URL": self.servers.postgres.url.replace("rootnote@", ""),
            "DATABASE_SECRET": self.stack.physical_id("DatabaseSecret"),
            "REDIS_URL": self.servers.valkey.url,
            "REDIS_SECRET": self.stack.physical_id("CacheSecret"),
        }
        keys = self.secret("ModelKeysSecret")
        return {
            **said.values,
            **{name: value for name, value in data.items() if name in said.names},
            **{name: keys[name] for name in said.secrets},
        }

    def run(self, process: Process) -> Program:
        """The container's own command and environment, as a process of this machine."""
        command = _command_of(process, self.parameters)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "PYTHONPATH": str(ROOT),
            **client_environment(self.cloud.url),
            **self.environment_of(process),
            **FAST,
        }
        program = Program(
            process.value, [sys.executable, "-m", *command], env=environment, folder=self.folder
        )
        if process is not Process.BEAT:
            wait_until(lambda: " ready." in program.text(), 60, f"{process} is ready")
        return program


def _command_of(process: Process, parameters: Mapping[str, str]) -> list[str]:
    for task in Deployment(parameters).resources("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            if container["Name"] == process.value:
                return [str(word) for word in container["Command"]]
    raise KeyError(process)
