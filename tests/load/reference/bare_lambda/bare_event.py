"""Takes an event and does nothing with it."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel, ConfigDict

logger = Logger(service="bare")
metrics = Metrics(namespace="Bare", service="bare")
app = FastAPI()


class Event(BaseModel):
    model_config = ConfigDict(extra="allow")

    project_key: str
    message: str
    status_code: int
    timestamp: datetime
    method: str | None = None
    path: str | None = None


class Accepted(BaseModel):
    analysis: str


@app.post("/api/v1/events", status_code=202)
async def create_event(event: Event) -> Accepted:
    logger.info("an event", extra={"status_code": event.status_code})
    metrics.add_metric("Events", MetricUnit.Count, 1)
    return Accepted(analysis="not_required")


_adapter = Mangum(app, lifespan="off")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> Any:
    return _adapter(event, context)
