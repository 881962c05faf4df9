"""CloudFormation is answered once, in time, whatever happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.aws.custom_resource import Done, serve
from core.errors import MigrationFailed
from tests.fakes.response_url import SIGNATURE, ResponseUrl, response_url

DONE = Done(data={"Revision": "0002"}, reason="fine")


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[ResponseUrl]:
    # A proxy of the developer's must not come between.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with response_url() as stand_in:
        yield stand_in


def request(cloudformation: ResponseUrl, kind: str = "Create", **more: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": cloudformation.url,
        "StackId": "arn:aws:cloudformation:eu-central-1:000000000000:stack/rootnote/1",
        "RequestId": "r-1",
        "LogicalResourceId": "Migration",
        "ResourceType": "Custom::Migration",
        "ResourceProperties": {"Version": "1"},
    } | more


def run(event: dict[str, Any], work: Callable[[], Done], *, answer_within: float = 20) -> None:
    serve(event, work, physical_id="rootnote-schema", answer_within=answer_within)


def raising(exc: BaseException) -> Callable[[], Done]:
    def work() -> Done:
        raise exc

    return work


def test_success_is_put_as_cloudformation_signed_it(cloudformation: ResponseUrl) -> None:
    run(request(cloudformation), lambda: DONE)
    assert cloudformation.answer == {
        "Status": "SUCCESS",
        "Reason": "fine",
        "PhysicalResourceId": "rootnote-schema",
        "StackId": "arn:aws:cloudformation:eu-central-1:000000000000:stack/rootnote/1",
        "RequestId": "r-1",
        "LogicalResourceId": "Migration",
        "Data": {"Revision": "0002"},
    }
    [put] = cloudformation.puts
    assert put.path == f"/stack?X-Amz-Signature={SIGNATURE}"
    assert put.content_type == ""


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_the_physical_id_stays_what_it_was(cloudformation: ResponseUrl, kind: str) -> None:
    run(request(cloudformation, kind, PhysicalResourceId="of-long-ago"), lambda: DONE)
    assert cloudformation.answer["PhysicalResourceId"] == "of-long-ago"


def test_delete_does_nothing_and_succeeds(cloudformation: ResponseUrl) -> None:
    run(request(cloudformation, "Delete"), raising(AssertionError("called")))
    assert cloudformation.answer["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("exc", "reason"),
    [
        (MigrationFailed("relation exists"), "relation exists"),
        (ValueError("postgresql://user:hunter2@host"), "ValueError; the log of the function says more"),
        (ImportError("no alembic"), "ImportError; the log of the function says more"),
        (SystemExit("rootnote: wrong"), "SystemExit; the log of the function says more"),
    ],
)
def test_what_goes_wrong_is_answered_and_not_raised(
    cloudformation: ResponseUrl, exc: BaseException, reason: str
) -> None:
    run(request(cloudformation, "Update"), raising(exc))
    answer = cloudformation.answer
    assert (answer["Status"], answer["Reason"], answer["Data"]) == ("FAILED", reason, {})


def test_a_request_of_a_kind_that_is_not_known_fails(cloudformation: ResponseUrl) -> None:
    run(request(cloudformation, "Import"), lambda: DONE)
    assert cloudformation.answer["Status"] == "FAILED"


@pytest.mark.parametrize("text", ["x" * 9_000, "я" * 9_000, '"\\' * 4_000, "\x00\x01" * 4_000, "\ud800 cut"])
def test_an_answer_is_never_longer_than_cloudformation_takes(cloudformation: ResponseUrl, text: str) -> None:
    run(request(cloudformation), raising(MigrationFailed(text)))
    [put] = cloudformation.puts
    assert len(put.body) <= 4_096
    assert len(json.loads(put.body)["Reason"]) >= 5


@pytest.mark.parametrize("refused", [[500], [0], [503, 0], [500, 503, 403]])
def test_a_put_that_fails_is_tried_again(cloudformation: ResponseUrl, refused: list[int]) -> None:
    cloudformation.refuse = refused
    run(request(cloudformation), lambda: DONE)
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_an_answer_that_never_comes_through_is_raised_without_its_url(
    cloudformation: ResponseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    cloudformation.refuse = [500] * 9
    with pytest.raises(OSError, match="could not be answered: status 500") as caught:
        run(request(cloudformation), lambda: DONE)
    assert SIGNATURE not in f"{caught.value!r}{caplog.text}"


def test_failure_is_said_before_the_time_is_up(cloudformation: ResponseUrl) -> None:
    """The work hangs where nothing ends it; what it says after that is not heard."""
    go_on = threading.Event()

    def hanging() -> Done:
        go_on.wait(30)
        return DONE

    thread = threading.Thread(
        target=run, args=[request(cloudformation), hanging], kwargs={"answer_within": 0.3}
    )
    thread.start()
    try:
        until = time.monotonic() + 20
        while not cloudformation.puts and time.monotonic() < until:
            time.sleep(0.02)
        assert thread.is_alive()
        assert cloudformation.answer["Status"] == "FAILED"
        assert "time ran short" in cloudformation.answer["Reason"]
    finally:
        go_on.set()
        thread.join(20)
    assert len(cloudformation.puts) == 1
