"""The Lambda entry point that migrates the database: as CloudFormation's custom resource, or by hand.

All but the answering is imported when it is needed: a package that is missing or a setting that is
wrong must be answered too, or the deployment hangs.
"""

from __future__ import annotations

import time
from typing import Any

from core.aws import custom_resource
from core.aws.custom_resource import Done

_PHYSICAL_ID = "rootnote-schema"
_PATIENCE_SECONDS = 60.0
"""For a database that is still starting."""
_TO_STOP_SECONDS = 10.0
"""Kept of the function's time for rolling a migration back."""
_TO_ANSWER_SECONDS = 10.0
"""Kept after that for answering."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """By hand (`{}`) it gives `{"Data": {"Revision": "0002"}}`, and raises what went wrong."""
    left = context.get_remaining_time_in_millis() / 1_000
    # A function with little time keeps at least a third of it for the work.
    answer_within = max(left - _TO_ANSWER_SECONDS, left * 2 / 3)
    until = time.monotonic() + max(answer_within - _TO_STOP_SECONDS, left / 3)
    if "ResponseURL" not in event:
        return {"Data": dict(_migrate(until).data)}
    custom_resource.serve(
        event, lambda: _migrate(until), physical_id=_PHYSICAL_ID, answer_within=answer_within
    )
    return {}


def _migrate(until: float) -> Done:
    from core import log, settings  # noqa: PLC0415
    from core.aws.secrets import database_url  # noqa: PLC0415
    from core.store import schema  # noqa: PLC0415

    config = settings.load()
    log.configure(config.log_format, config.log_level, service="migrate")
    found = schema.upgrade(lambda: database_url(config), until=until, patience=_PATIENCE_SECONDS)
    reason = f"the schema is at {found.revision}"
    if found.is_newer:
        reason += ", which is newer than this code knows; it is left as it is"
    return Done(data={"Revision": found.revision}, reason=reason)
