"""The document against what it speaks of."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2

from tests.integration.conftest import guide_event


async def document(client: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


async def test_every_reference_leads_somewhere(client: httpx2.AsyncClient) -> None:
    found = await document(client)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found)))
    assert names <= found["components"]["schemas"].keys()
    assert "$defs" not in json.dumps(found)


async def test_errors_are_problems_and_keys_are_declared(client: httpx2.AsyncClient) -> None:
    found = await document(client)
    assert found["components"]["securitySchemes"].keys() == {"bearer", "apiKey"}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert ("security" in operation) is (path not in {"/healthz", "/readyz"}), path
            for status, response in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)


async def test_ingest_is_documented_as_it_is(client: httpx2.AsyncClient) -> None:
    paths = (await document(client))["paths"]
    for path in ("/api/v1/events", "/api/v1/events/batch"):
        operation = paths[path]["post"]
        assert {"202", "400", "401", "403", "413", "422", "503"} <= operation["responses"].keys()
        assert [p["name"] for p in operation["parameters"]] == ["Idempotency-Key"]
    batch = paths["/api/v1/events/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert batch["properties"]["events"]["maxItems"] == 500


async def test_no_path_needs_its_final_slash(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/api/v1/events/", json=guide_event())).status_code == 202
    for path in (await document(client))["paths"]:
        assert not path.endswith("/")
    assert (await client.get("/healthz/")).status_code == 200
    assert (await client.get("/redoc")).status_code == 404


async def test_what_a_path_allows_is_said_once_and_in_full(client: httpx2.AsyncClient) -> None:
    """The router names one route's methods: another's with the same path, or one that the path fits too."""
    for path, allowed in [
        ("/api/v1/events", "GET, POST"),
        ("/api/v1/events/", "GET, POST"),
        ("/api/v1/jobs/retry", "POST"),
        ("/api/projects/0b1e7a52-3a52-4d22-9f00-8d8ad8e24a10", "DELETE, GET, PUT"),
        ("/metrics", "GET"),
    ]:
        response = await client.request("PATCH", path)
        assert response.status_code == 405
        assert response.headers.get_list("allow") == [allowed]


async def test_a_time_may_be_a_number(client: httpx2.AsyncClient) -> None:
    schema = (await document(client))["components"]["schemas"]["EventIn"]["properties"]["timestamp"]
    assert [kind["type"] for kind in schema["anyOf"]] == ["string", "number"]
    assert (await client.post("/api/v1/events", json=guide_event(timestamp=1_700_000_000))).is_success


async def test_a_batch_names_the_event_that_is_none(client: httpx2.AsyncClient) -> None:
    answer = (await client.post("/api/v1/events/batch", json={"events": [None, {"message": 1}]})).json()
    fields = [[problem["field"] for problem in result["errors"]] for result in answer["results"]]
    assert fields[0] == ["events.0"]
    assert "events.1.message" in fields[1]
