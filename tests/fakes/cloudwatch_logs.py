"""Payloads as CloudWatch Logs sends them to a subscribed Lambda."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

MILLISECONDS = 1_768_478_400_123
"""When the first log event of every payload was written: 2026-01-15T12:00:00.123Z."""


def payload(
    *lines: object, log_group: str = "/aws/lambda/shop-checkout", kind: str = "DATA_MESSAGE"
) -> dict[str, Any]:
    """A text stands for a log event with that message, an object for itself."""
    data = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": log_group,
        "logStream": "2026/01/15/[$LATEST]5d1edb9e525d486696cf01a3503487bc",
        "subscriptionFilters": ["rootnote"],
        "logEvents": [
            {"id": log_event_id(number), "timestamp": MILLISECONDS + number, "message": line}
            if isinstance(line, str)
            else line
            for number, line in enumerate(lines)
        ],
    }
    return packed(json.dumps(data).encode())


def log_event_id(number: int) -> str:
    return f"3462231609969788470654097606882285901266122014164{number:07d}"


def packed(data: bytes) -> dict[str, Any]:
    return {"awslogs": {"data": base64.b64encode(gzip.compress(data)).decode()}}
