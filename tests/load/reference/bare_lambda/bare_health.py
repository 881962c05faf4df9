"""Says that it is there."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from fastapi import FastAPI
from mangum import Mangum

logger = Logger(service="bare")
metrics = Metrics(namespace="Bare", service="bare")
app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


_adapter = Mangum(app, lifespan="off")


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, Any], context: Any) -> Any:
    return _adapter(event, context)
