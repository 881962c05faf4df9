"""What CloudWatch Logs sends to a subscribed Lambda: base64 around gzip around JSON."""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent
from aws_lambda_powertools.utilities.data_classes.cloud_watch_logs_event import CloudWatchLogsDecodedData

from core.domain.log_lines import LogLine
from core.errors import FieldProblem, MalformedBody, TooLarge

MAX_BYTES = 32 * 1024 * 1024
"""Unpacked. CloudWatch Logs takes batches of 1 MiB, so what is far beyond is no batch of its."""
_FIELD = "awslogs.data"
_GZIP = zlib.MAX_WBITS | 16


def decode(event: dict[str, Any]) -> CloudWatchLogsDecodedData:
    """Raises MalformedBody, and TooLarge before more than MAX_BYTES are unpacked."""
    try:
        packed = b64decode(CloudWatchLogsEvent(event).raw_logs_data, validate=True)
        unpacked = _unpack(packed)
        data = json.loads(unpacked)
    except (KeyError, TypeError) as exc:
        raise MalformedBody(FieldProblem(field=_FIELD, message="is missing")) from exc
    except (binascii.Error, zlib.error, ValueError, RecursionError) as exc:
        raise MalformedBody(FieldProblem(field=_FIELD, message="is not JSON in gzip in base64")) from exc
    if not isinstance(data, dict) or not isinstance(data.get("logGroup"), str):
        raise MalformedBody(FieldProblem(field=_FIELD, message="holds no log events"))
    return CloudWatchLogsDecodedData(data)


def _unpack(packed: bytes) -> bytes:
    """Only the first gzip member: there is one."""
    unzip = zlib.decompressobj(_GZIP)
    unpacked = unzip.decompress(packed, MAX_BYTES)
    if unzip.eof:
        return unpacked
    if len(unpacked) >= MAX_BYTES:
        raise TooLarge(FieldProblem(field=_FIELD, message=f"unpacks to more than {MAX_BYTES:,} bytes"))
    raise MalformedBody(FieldProblem(field=_FIELD, message="is cut off"))


def lines_of(data: CloudWatchLogsDecodedData) -> Iterator[LogLine | None]:
    """None in the place of a log event that lacks what every log event has."""
    events = data.get("logEvents")
    for event in events if isinstance(events, list) else []:
        yield _line(event) if isinstance(event, dict) else None


def _line(event: dict[str, Any]) -> LogLine | None:
    id_, timestamp, message = event.get("id"), event.get("timestamp"), event.get("message")
    if not (isinstance(id_, str) and isinstance(timestamp, int) and isinstance(message, str)):
        return None
    return LogLine(id=id_, timestamp=timestamp, text=message)
