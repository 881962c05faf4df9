"""What LocalStack 4.9.2 has wrong or lacks, and Rootnote's templates and tests need: a hook of its start."""

from __future__ import annotations

import base64
from typing import Any

from localstack.runtime import hooks
from localstack.services.apigateway.next_gen.execute_api.integrations import aws as integrations
from localstack.services.logs import provider as logs

from infra.localstack.plugins.cloudformation import repair_cloudformation
from infra.localstack.plugins.nested_stack import repair_nested_stacks

EVERY_TYPE = "*/*"


@hooks.on_infra_start()
def repair() -> None:
    _make_streams_under_a_subscription()
    _take_every_type_for_binary()
    repair_cloudformation()
    repair_nested_stacks()


def _make_streams_under_a_subscription() -> None:
    """Its addition to moto reads a subscription's pattern in a way that fails, and nothing uses it."""
    group = logs.MotoLogGroup
    group.create_log_stream = group.create_log_stream.__wrapped__


def _take_every_type_for_binary() -> None:
    """It leaves `*/*` out of an API's binary media types: requests came as text, answers went as base64."""
    plain_match = integrations.mime_type_matches_binary_media_types
    proxy = integrations.RestApiAwsProxyIntegration
    plain_event = proxy.create_lambda_input_event

    def matches(mime_type: str | None, binary_media_types: list[str]) -> bool:
        return EVERY_TYPE in binary_media_types or bool(plain_match(mime_type, binary_media_types))

    def input_event(self: Any, context: Any) -> Any:
        event = plain_event(self, context)
        binary = EVERY_TYPE in (context.deployment.rest_api.rest_api.get("binaryMediaTypes") or ())
        if binary and event["body"] is not None and not event["isBase64Encoded"]:
            event["body"] = base64.b64encode(event["body"].encode()).decode()
            event["isBase64Encoded"] = True
        return event

    integrations.mime_type_matches_binary_media_types = matches
    proxy.create_lambda_input_event = input_event
