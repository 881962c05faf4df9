"""What tests do with LocalStack: deploy, call, ask by HTTP, read logs and queues."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.localstack.clients import Clients
from infra.localstack.deployer import Deployed, Deployer
from infra.localstack.emf_stand_in import EmfStandIn
from infra.localstack.stack import api_url

MOST_MESSAGES = 10


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Of a function that was invoked."""

    value: Any
    """What it returned; an object with errorType and errorMessage where `failed`."""
    failed: bool
    log: str


class Cloud:
    """One LocalStack, for all tests of a session: two stacks must not have names in common."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clients = Clients(url)
        self.emf = EmfStandIn(self.clients)
        """CloudWatch would take metrics out of logs by itself. Here: `cloud.emf.extract(log_group)`."""
        self.deployer = Deployer(self.clients, say=print)

    def deploy(
        self,
        template: Path,
        parameters: Mapping[str, str],
        *,
        name: str | None = None,
        code: Mapping[str, Path] | None = None,
        nested: Mapping[str, Path] | None = None,
    ) -> Deployed:
        """Create or update the stack `name`, by default the template's; see `Deployer.deploy`."""
        return self.deployer.deploy(name or template.stem, template, parameters, code=code, nested=nested)

    def invoke(self, function: str, event: object) -> Answer:
        """Call the function by its name or ARN, and wait."""
        said = self.clients.functions.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
        return Answer(
            value=json.load(said["Payload"]),
            failed="FunctionError" in said,
            log=base64.b64decode(said["LogResult"]).decode() if "LogResult" in said else "",
        )

    def invoke_later(self, function: str, event: object) -> None:
        """As events arrive: asynchronously, with retries and a destination of what fails."""
        self.clients.functions.invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
        )

    def api_url(self, stack: Deployed) -> str:
        return api_url(self.url, stack)

    def log_group(self, function: str) -> str:
        group: str = self.clients.functions.get_function_configuration(FunctionName=function)[
            "LoggingConfig"
        ]["LogGroup"]
        return group

    def logs(self, function: str) -> list[str]:
        """The lines of the function's group, each stream's in order. They may be some moments late."""
        return self.lines(self.log_group(function))

    def lines(self, log_group: str) -> list[str]:
        logs = self.clients.logs
        try:
            streams = logs.describe_log_streams(logGroupName=log_group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"].rstrip("\n")
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=log_group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def log(self, log_group: str, stream: str, *messages: str) -> None:
        """Write into a log group, as a program elsewhere would."""
        logs = self.clients.logs
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName=log_group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": message} for message in messages],
        )

    def send(self, queue_url: str, *bodies: str) -> None:
        for body in bodies:
            self.clients.sqs.send_message(QueueUrl=queue_url, MessageBody=body)

    def messages(self, queue_url: str, count: int = 1, *, seconds: float = 30) -> list[str]:
        """Take at least `count` messages off the queue. Fails when they do not come in time."""
        taken: list[str] = []
        deadline = time.monotonic() + seconds
        while len(taken) < count:
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {count} messages (only: {taken})"
            answer = self.clients.sqs.receive_message(
                QueueUrl=queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=MOST_MESSAGES
            )
            for message in answer.get("Messages", ()):
                taken.append(message["Body"])
                self.clients.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return taken
