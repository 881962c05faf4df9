"""The Lambda that stores events which waited in SQS while PostgreSQL was away."""

from __future__ import annotations

import logging
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.buffering import store_buffered
from handlers.invocation import run

# A batch that fails whole is no error of the function: PostgreSQL is still away.
_processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(__name__)
)


def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
    """Answers with the messages that are to come again."""
    return process_partial_response(event=event, record_handler=_store, processor=_processor, context=context)


def _store(record: SQSRecord) -> None:
    run(lambda deps: store_buffered(record.body, deps))
