"""Log lines as JSON, in Powertools' form, at a third of what its own formatter takes."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from itertools import islice

from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS, LambdaPowertoolsFormatter
from pydantic_core import PydanticSerializationError, to_json

_NO_FIELDS = frozenset(RESERVED_LOG_ATTRS)
_STANDARD = len(vars(logging.makeLogRecord({})))
"""Attributes of every record, which come before those that are added."""
_PLAIN = (str, int, float, bool)
_ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"


class JsonFormatter(LambdaPowertoolsFormatter):
    """Writes by itself what nearly every line of a server is: a text with arguments, and plain fields.

    All else is left to its base, which copies and searches a record several times; so is every line on
    Lambda, where the trace's id changes with each call.
    """

    def __init__(self, *, service: str) -> None:
        super().__init__(service=service, utc=True, use_rfc3339=True)
        self._service = service
        self._is_on_lambda = _ON_LAMBDA in os.environ
        self._second = 0
        self._second_in_words = ""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or not record.args or self._is_on_lambda:
            return super().format(record)
        line: dict[str, object] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": self._time(record.created),
            "service": self._service,
        }
        for name, value in islice(vars(record).items(), _STANDARD, None):
            if name in _NO_FIELDS or value is None:
                continue
            if type(value) not in _PLAIN:
                return super().format(record)
            line[name] = value
        try:
            return to_json(line, inf_nan_mode="constants").decode()
        except PydanticSerializationError:
            # Half of a surrogate pair.
            return super().format(record)

    def _time(self, created: float) -> str:
        """As the base writes it. Many lines share a second."""
        second, microsecond = divmod(round(created * 1_000_000), 1_000_000)
        if second != self._second:
            self._second_in_words = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._second_in_words}.{microsecond // 1_000:03d}+00:00"
