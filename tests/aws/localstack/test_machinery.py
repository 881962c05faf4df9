"""What LocalStack runs for Rootnote's templates, one kind of thing a test. docs/aws.md has the list."""

from __future__ import annotations

import json

import httpx2
import pytest

from infra.localstack.deployer import Deployed, DeploymentFailed
from tests.aws.localstack.cloud import Cloud
from tests.aws.localstack.conftest import HERE, machinery_parameters
from tests.e2e.program import wait_until

# The first one starts LocalStack and deploys.
pytestmark = pytest.mark.timeout(300)

BYTES = bytes(range(256))


def test_http_reaches_a_function_through_the_api(cloud: Cloud, machinery: Deployed) -> None:
    url = cloud.api_url(machinery)
    answer = httpx2.post(f"{url}/api/v1/events", json={"a": 1})
    assert answer.status_code == 201
    assert answer.json() == {
        "httpMethod": "POST",
        "path": "/api/v1/events",
        "resource": "/{proxy+}",
        "pathParameters": {"proxy": "api/v1/events"},
    }
    assert httpx2.get(f"{url}/").json()["resource"] == "/"


def test_bytes_come_through_the_api_as_they_are(cloud: Cloud, machinery: Deployed) -> None:
    answer = httpx2.post(f"{cloud.api_url(machinery)}/echo", content=BYTES)
    assert answer.content == BYTES
    assert httpx2.post(f"{cloud.api_url(machinery)}/echo", content=b"text").content == b"text"


def test_a_function_reads_a_secret_and_sees_it_change(cloud: Cloud, machinery: Deployed) -> None:
    function, secret = machinery.physical_id("ToolFunction"), machinery.physical_id("Secret")
    before = json.loads(cloud.invoke(function, {"secret": secret}).value)
    assert len(before["password"]) == 24
    cloud.clients.secrets.put_secret_value(SecretId=secret, SecretString='{"password": "rotated"}')
    assert json.loads(cloud.invoke(function, {"secret": secret}).value) == {"password": "rotated"}


def test_a_function_is_given_what_lambda_gives(cloud: Cloud, machinery: Deployed) -> None:
    function = machinery.physical_id("ToolFunction")
    about = cloud.invoke(function, {"about": None}).value
    environment = about["environment"]
    assert environment["GIVEN"] == "by the template"
    assert environment["AWS_ENDPOINT_URL"] == cloud.url
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == function
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/machinery/local/tool"
    assert not [name for name in environment if name.startswith("LOCALSTACK")]
    assert about["path"][0] == environment["LAMBDA_TASK_ROOT"]
    assert about["arn"].endswith(f":function:{function}")


def test_a_package_that_is_not_in_the_bundle_is_missed(cloud: Cloud, machinery: Deployed) -> None:
    answer = cloud.invoke(machinery.physical_id("ToolFunction"), {"import": "psycopg"})
    assert answer.failed
    assert answer.value["errorMessage"] == "No module named 'psycopg'"


def test_a_function_that_cannot_be_loaded_says_so_each_time(cloud: Cloud, machinery: Deployed) -> None:
    for _ in range(2):
        answer = cloud.invoke(machinery.physical_id("BrokenFunction"), {})
        assert answer.failed
        assert answer.value["errorType"] == "Runtime.ImportModuleError"
        assert "No module named 'not_there'" in answer.log


def test_a_warm_function_keeps_its_process_until_time_is_up(cloud: Cloud, machinery: Deployed) -> None:
    function = machinery.physical_id("ToolFunction")
    first = cloud.invoke(function, {"about": None}).value
    second = cloud.invoke(function, {"about": None}).value
    assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)

    late = cloud.invoke(function, {"sleep": 30})
    assert late.failed
    assert late.value["errorType"] == "Sandbox.Timedout"
    assert late.value["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")

    cold = cloud.invoke(function, {"about": None}).value
    assert cold["calls"] == 1
    assert cold["pid"] != first["pid"]


def test_a_crash_is_told_and_the_next_call_starts_anew(cloud: Cloud, machinery: Deployed) -> None:
    function = machinery.physical_id("ToolFunction")
    answer = cloud.invoke(function, {"exit": 3})
    assert answer.failed
    assert answer.value["errorType"] == "Runtime.ExitError"
    assert answer.value["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert cloud.invoke(function, {"about": None}).value["calls"] == 1


def test_output_is_in_the_log_group_of_the_template(cloud: Cloud, machinery: Deployed) -> None:
    function = machinery.physical_id("ToolFunction")
    assert cloud.log_group(function) == "/machinery/local/tool"
    cloud.invoke(function, {"fail": "to be found in the log"})

    def told() -> list[str]:
        return [line for line in cloud.logs(function) if "ValueError: to be found in the log" in line]

    (line,) = wait_until(told, 20, "the error in the log")
    assert "Traceback (most recent call last)" in line
    lines = cloud.logs(function)
    assert 'asked to {"fail": "to be found in the log"}' in lines
    assert [line for line in lines if line.startswith("REPORT RequestId: ")]


def test_only_the_messages_that_failed_come_again(cloud: Cloud, machinery: Deployed) -> None:
    cloud.send(machinery.outputs["WorkQueueUrl"], "good 1", "bad 1", "good 2")
    assert cloud.messages(machinery.outputs["DeadQueueUrl"]) == ["bad 1"]
    function = machinery.physical_id("BatchFunction")
    wanted = ["bad 1 for the 1.", "bad 1 for the 2.", "good 1 for the 1.", "good 2 for the 1."]

    def told() -> bool:
        lines = sorted(line for line in cloud.logs(function) if line.startswith("message "))
        return lines == [f"message {line} time" for line in wanted]

    wait_until(told, 20, "each message as often as it was tried")


def test_what_fails_to_the_end_goes_to_its_destination(cloud: Cloud, machinery: Deployed) -> None:
    cloud.invoke_later(machinery.physical_id("ListenerFunction"), {"not": "a subscription's"})
    (body,) = cloud.messages(machinery.outputs["FailedQueueUrl"])
    told = json.loads(body)
    assert told["requestPayload"] == {"not": "a subscription's"}
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3


def test_a_subscription_brings_lines_to_a_function(cloud: Cloud, machinery: Deployed) -> None:
    cloud.log("/machinery/local/shop", "one", "a first line", "and a second")
    function = machinery.physical_id("ListenerFunction")
    # The beginning of gzip's format.
    wait_until(lambda: "heard 1f8b" in cloud.logs(function), 20, "the subscription's delivery")


def test_a_metric_from_a_log_raises_an_alarm(cloud: Cloud, machinery: Deployed) -> None:
    function = machinery.physical_id("ToolFunction")
    cloud.invoke(function, {"emf": 0.75})
    (metric,) = wait_until(lambda: cloud.emf.extract("/machinery/local/tool"), 20, "the metric in the log")
    assert (metric.namespace, metric.name, metric.values) == ("Machinery", "Backlog", (0.75,))
    assert cloud.emf.extract("/machinery/local/tool") == []
    (body,) = cloud.messages(machinery.outputs["AlarmQueueUrl"], seconds=60)
    assert json.loads(json.loads(body)["Message"])["NewStateValue"] == "ALARM"


def test_what_localstack_only_says_it_made_is_named(machinery: Deployed) -> None:
    assert [(resource.name, resource.kind) for resource in machinery.faked] == [
        ("Cluster", "AWS::ECS::Cluster")
    ]


def test_an_update_reaches_nested_stacks_and_custom_resources(cloud: Cloud, machinery: Deployed) -> None:
    assert machinery.outputs["Revision"] == "Create-1"
    updated = cloud.deploy(HERE / "machinery.yaml", machinery_parameters() | {"Version": "2"})
    assert updated.outputs["Revision"] == "Update-2"
    parameters = cloud.clients.other("ssm")
    value = parameters.get_parameter(Name=updated.physical_id("Parameter"))["Parameter"]["Value"]
    assert value == "Update-2"


def test_a_failure_is_told_with_its_reason(cloud: Cloud) -> None:
    refused = machinery_parameters() | {"Refuse": "true"}
    wanted = {name: refused[name] for name in ("Runtime", "Version", "Refuse")}
    with pytest.raises(DeploymentFailed, match=r"Custom \(Custom::Machinery\): refused as asked"):
        cloud.deploy(HERE / "nested.yaml", wanted)
    with pytest.raises(DeploymentFailed, match="failed before"):
        cloud.deploy(HERE / "nested.yaml", wanted)


def test_a_function_for_another_python_is_refused(cloud: Cloud) -> None:
    """Its bytecode and compiled packages would not fit."""
    wanted = {"Runtime": "python3.9", "Version": "1", "Refuse": "false"}
    with pytest.raises(DeploymentFailed, match=r"runtime python3\.9 is asked for"):
        cloud.deploy(HERE / "nested.yaml", wanted, name="another-python")
