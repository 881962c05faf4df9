"""SQS queues, for what must not be lost while PostgreSQL is away. The only file that speaks to SQS."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from core import deadline

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

_BATCH = 10
_MOST_BYTES = 1_048_576 - 10_000
"""SQS's limits: messages in a call, and bytes of a call less some for attributes."""


class MessageQueue:
    """One queue, by its URL. boto3 is loaded at the first use: most processes never have one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._client: SQSClient | None = None

    async def put(self, bodies: Sequence[str], *, reason: str | None = None) -> list[bool]:
        """Which of them SQS has taken, in order. Never raises: what was not taken is said and logged.

        `reason` goes with each as a message attribute, for people. At a deadline that the caller is under,
        those that SQS has not said to have taken count as not taken.
        """
        taken = [False] * len(bodies)
        try:
            async with asyncio.timeout(deadline.left()):
                await asyncio.to_thread(self._put, bodies, reason, taken)
        except TimeoutError:
            logger.error("SQS did not answer in time")  # noqa: TRY400  (its traceback says no more)
        # A copy, since the thread may go on with the call that it is at.
        return list(taken)

    def _put(self, bodies: Sequence[str], reason: str | None, taken: list[bool]) -> None:
        for batch in _batches(bodies):
            if deadline.left() == 0:
                break
            sent = self._send([_entry(index, bodies[index], reason) for index in batch])
            if not sent:
                # Somebody waits for the answer: an SQS that took none of these is not asked about the rest.
                break
            for index in sent:
                taken[index] = True

    def _send(self, entries: Sequence[SendMessageBatchRequestEntryTypeDef]) -> list[int]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            answer = self._connected().send_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as exc:
            # The text names the queue and the reason, never the message.
            logger.error("SQS took no message", extra={"cause": str(exc)})  # noqa: TRY400
            return []
        for failed in answer.get("Failed", []):
            logger.error("SQS refused a message", extra={"cause": failed.get("Message", failed["Code"])})
        return [int(entry["Id"]) for entry in answer.get("Successful", [])]

    def _connected(self) -> SQSClient:
        with self._lock:
            if self._client is None:
                import boto3  # noqa: PLC0415
                from botocore.config import Config  # noqa: PLC0415

                config = Config(
                    connect_timeout=1,
                    read_timeout=1.5,
                    retries={"total_max_attempts": 2, "mode": "standard"},
                )
                self._client = boto3.client("sqs", config=config)
            return self._client


def _entry(index: int, body: str, reason: str | None) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": str(index), "MessageBody": body}
    if reason is not None:
        entry["MessageAttributes"] = {"Reason": {"DataType": "String", "StringValue": reason[:1_000]}}
    return entry


def _batches(bodies: Sequence[str]) -> Iterator[list[int]]:
    """Indices of messages that fit into one call. One that is too large by itself is in none."""
    batch: list[int] = []
    size = 0
    for index, body in enumerate(bodies):
        length = len(body.encode())
        if length > _MOST_BYTES:
            logger.error("a message is too long for SQS", extra={"bytes": length})
            continue
        if batch and (len(batch) == _BATCH or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += length
    if batch:
        yield batch
