"""Encrypted at rest and on the way, logs that end, nothing asynchronous that is lost without a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.settings import Settings
from tests.infra.aws import templates
from tests.infra.aws.deployment import Deployment
from tests.infra.aws.functions import PSEUDO, Context
from tests.infra.aws.templates import REGISTRY

DEPLOYMENT = Deployment()
STANDBYS = Deployment({"MultiAz": "true", "DeletionProtection": "false"})


def properties(id: str, deployment: Deployment = DEPLOYMENT) -> dict[str, Any]:  # noqa: A002
    return deployment.find(id).properties


def test_postgresql_is_encrypted_and_takes_tls_only() -> None:
    database = properties("Data.Database")
    assert (database["StorageEncrypted"], database["StorageType"]) == (True, "gp3")
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database
    assert properties("Data.DatabaseParameters")["Parameters"]["rds.force_ssl"] == "1"
    assert database["DBParameterGroupName"] == "Data.DatabaseParameters"
    family = properties("Data.DatabaseParameters")["Family"]
    assert family == f"postgres{database['EngineVersion']}"


def test_the_disk_grows_before_it_is_full() -> None:
    database = properties("Data.Database")
    most, first = float(database["MaxAllocatedStorage"]), float(database["AllocatedStorage"])
    assert most >= 1.1 * first


def test_postgresql_logs_no_values_of_its_users() -> None:
    parameters = properties("Data.DatabaseParameters")["Parameters"]
    assert parameters["log_parameter_max_length"] == "0"
    assert parameters["log_parameter_max_length_on_error"] == "0"
    assert parameters["log_error_verbosity"] == "terse"


def test_the_api_answers_before_its_function_is_ended() -> None:
    """A function that is cut off answers 502, and its client sends the event again."""
    timeout = properties("Api.ApiFunction")["Timeout"]
    assert Settings.model_fields["request_timeout"].default + 2 < timeout < 29


def test_postgresql_is_kept() -> None:
    database = DEPLOYMENT.find("Data.Database")
    assert (database.whole["DeletionPolicy"], database.whole["UpdateReplacePolicy"]) == ("Snapshot",) * 2
    assert database.properties["DeletionProtection"] == "true"
    assert int(database.properties["BackupRetentionPeriod"]) >= 7
    assert database.properties["AutoMinorVersionUpgrade"] is True
    assert properties("Data.Database", STANDBYS)["DeletionProtection"] == "false"


def test_valkey_is_encrypted_and_asks_for_the_secrets_password() -> None:
    cache = properties("Data.Cache")
    assert (cache["AtRestEncryptionEnabled"], cache["TransitEncryptionEnabled"]) == (True, True)
    assert cache["AuthToken"] == "{{resolve:secretsmanager:Data.CacheSecret:SecretString:password}}"
    generated = properties("Data.CacheSecret")["GenerateSecretString"]
    assert (generated["GenerateStringKey"], generated["ExcludePunctuation"]) == ("password", True)
    assert 16 <= generated["PasswordLength"] <= 128


def test_valkey_is_one_shard_that_forgets_nothing() -> None:
    cache = properties("Data.Cache")
    assert (cache["Engine"], cache["ClusterMode"]) == ("valkey", "disabled")
    assert not {"NumNodeGroups", "ReplicasPerNodeGroup"} & set(cache)
    assert properties("Data.CacheParameters")["Properties"] == {"maxmemory-policy": "noeviction"}
    assert cache["CacheParameterGroupName"] == "Data.CacheParameters"
    family = properties("Data.CacheParameters")["CacheParameterGroupFamily"]
    assert family == f"valkey{cache['EngineVersion'].partition('.')[0]}"


def test_one_parameter_makes_standbys() -> None:
    for deployment, multi, nodes in ((DEPLOYMENT, "false", 1), (STANDBYS, "true", 2)):
        assert properties("Data.Database", deployment)["MultiAZ"] == multi
        cache = properties("Data.Cache", deployment)
        assert (cache["AutomaticFailoverEnabled"], cache["MultiAZEnabled"]) == (multi, multi)
        assert cache["NumCacheClusters"] == nodes


def test_secrets_in_templates_are_empty_or_generated() -> None:
    for secret in DEPLOYMENT.resources("AWS::SecretsManager::Secret"):
        if "GenerateSecretString" not in secret.properties:
            assert set(json.loads(secret.properties["SecretString"]).values()) == {""}


def test_queues_are_encrypted_and_taken_by_tls_only() -> None:
    queues = list(DEPLOYMENT.resources("AWS::SQS::Queue"))
    assert all(queue.properties["SqsManagedSseEnabled"] is True for queue in queues)
    (policy,) = DEPLOYMENT.resources("AWS::SQS::QueuePolicy")
    assert set(policy.properties["Queues"]) == {queue.id for queue in queues}
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_alarm_topic_is_encrypted_by_a_key_that_alarms_may_use() -> None:
    assert properties("Observability.AlarmTopic")["KmsMasterKeyId"] == "Observability.AlarmKey.Arn"
    key = properties("Observability.AlarmKey")
    assert key["EnableKeyRotation"] is True
    (used,) = [s for s in key["KeyPolicy"]["Statement"] if s["Sid"] == "UsedByAlarms"]
    assert used["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


def test_images_are_encrypted_scanned_kept_and_never_changed() -> None:
    template = templates.plain(REGISTRY)
    values = {"RepositoryName": "rootnote", "KeptImages": "30"}
    context = Context(name="Registry", template=template, parameters=values | PSEUDO, attribute=lambda *_: "")
    repository = context.work_out(template["Resources"]["Repository"])
    assert repository["DeletionPolicy"] == "Retain"
    assert repository["Properties"]["EncryptionConfiguration"] == {"EncryptionType": "AES256"}
    assert repository["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    policy = json.loads(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])
    (rule,) = policy["rules"]
    assert rule["selection"]["countNumber"] == 30


LOG_GROUPS = {group.id: group.properties for group in DEPLOYMENT.resources("AWS::Logs::LogGroup")}


@pytest.mark.parametrize("days", ["30", "365"])
def test_every_log_group_ends_after_the_parameters_days(days: str) -> None:
    for group in Deployment({"LogRetentionDays": days}).resources("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == days


def test_every_function_and_container_has_its_log_group() -> None:
    used = {}
    for function in DEPLOYMENT.resources("AWS::Lambda::Function"):
        name = function.properties["Handler"].split(".")[1]
        used[f"/rootnote/staging/{name}"] = function.properties["LoggingConfig"]["LogGroup"]
    for task in DEPLOYMENT.resources("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            options = container["LogConfiguration"]["Options"]
            used[f"/rootnote/staging/{container['Name']}"] = options["awslogs-group"]
    for name, group in used.items():
        assert LOG_GROUPS[group]["LogGroupName"] == name
    assert len(used) == 8


def test_postgresqls_log_groups_are_made_before_it_would_make_them() -> None:
    database = DEPLOYMENT.find("Data.Database")
    made = {f"Data.{name}" for name in database.whole["DependsOn"]}
    identifier = database.properties["DBInstanceIdentifier"]
    assert {LOG_GROUPS[name]["LogGroupName"] for name in made} == {
        f"/aws/rds/instance/{identifier}/{kind}"
        for kind in database.properties["EnableCloudwatchLogsExports"]
    }


def test_logs_of_our_own_are_never_read_as_errors() -> None:
    environment = properties("Api.LogEventsFunction")["Environment"]["Variables"]
    own = tuple(environment["OWN_LOG_GROUPS"].split(","))
    assert all(group["LogGroupName"].startswith(own) for group in LOG_GROUPS.values())
    assert DEPLOYMENT.outputs()["LogGroupPrefix"] in own


def test_access_logs_need_a_role_of_the_account() -> None:
    for choice, logs, role in (("off", False, False), ("on", True, False), ("with-account-role", True, True)):
        deployment = Deployment({"ApiAccessLogs": choice})
        (stage,) = deployment.resources("AWS::ApiGateway::Stage")
        assert ("AccessLogSetting" in stage.properties) is logs
        account = list(deployment.resources("AWS::ApiGateway::Account"))
        assert bool(account) is role
        # A reference is what makes the stage wait for it.
        assert (stage.properties["Variables"]["AccountSettings"] == "Api.AccessLogAccount") is role
        assert all(a.whole["DeletionPolicy"] == "Retain" for a in account)


WITHOUT_A_DESTINATION = {
    "Migrations.MigrateFunction": "CloudFormation and operators wait for its answer",
    "Api.BacklogMetricFunction": "the next minute's run says more; an alarm rings when all fail",
    "Api.ApiFunction": "its callers wait for its answer",
    "Api.BufferedEventsFunction": "what it does not store stays in its queue, which has a dead letter queue",
}


def test_what_is_started_without_waiting_leaves_a_trace_when_it_fails() -> None:
    configured = {
        r.properties["FunctionName"]: r.properties
        for r in DEPLOYMENT.resources("AWS::Lambda::EventInvokeConfig")
    }
    functions = {f.id for f in DEPLOYMENT.resources("AWS::Lambda::Function")}
    with_one = {
        name
        for name, config in configured.items()
        if config["DestinationConfig"].get("OnFailure", {}).get("Destination")
    }
    assert with_one == functions - set(WITHOUT_A_DESTINATION) == {"Api.LogEventsFunction"}
    log_events = configured["Api.LogEventsFunction"]
    assert log_events["DestinationConfig"]["OnFailure"]["Destination"] == "Api.LogEventsFailedQueue.Arn"
    assert log_events["MaximumRetryAttempts"] == 2
    # No surprise hours later.
    assert configured["Migrations.MigrateFunction"]["MaximumRetryAttempts"] == 0
    assert configured["Api.BacklogMetricFunction"]["MaximumRetryAttempts"] == 0


def test_the_buffer_outlives_an_outage_of_a_day() -> None:
    buffer, function = properties("Api.EventBufferQueue"), properties("Api.BufferedEventsFunction")
    assert buffer["VisibilityTimeout"] >= 6 * function["Timeout"]
    redrive = buffer["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "Api.EventBufferDeadLetterQueue.Arn"
    assert redrive["maxReceiveCount"] * buffer["VisibilityTimeout"] > 24 * 3_600
    (mapping,) = DEPLOYMENT.resources("AWS::Lambda::EventSourceMapping")
    assert mapping.properties["EventSourceArn"] == "Api.EventBufferQueue.Arn"
    assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.properties["BatchSize"] == 10


def test_queues_keep_for_two_weeks_and_take_dead_letters_from_their_own_only() -> None:
    queues = {q.name: q.properties for q in DEPLOYMENT.resources("AWS::SQS::Queue")}
    assert {q["MessageRetentionPeriod"] for q in queues.values()} == {14 * 86_400}
    allowed = {name: q["RedriveAllowPolicy"] for name, q in queues.items()}
    name = queues["EventBufferQueue"]["QueueName"]
    assert allowed == {
        "EventBufferQueue": {"redrivePermission": "denyAll"},
        "LogEventsFailedQueue": {"redrivePermission": "denyAll"},
        "EventBufferDeadLetterQueue": {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [f"arn:aws:sqs:eu-central-1:123456789012:{name}"],
        },
    }


def test_functions_are_as_large_and_as_patient_as_meant() -> None:
    sizes = {
        f.name: (f.properties["MemorySize"], f.properties["Timeout"])
        for f in DEPLOYMENT.resources("AWS::Lambda::Function")
    }
    assert sizes == {
        "ApiFunction": (1024, 15),
        "BufferedEventsFunction": (512, 30),
        "LogEventsFunction": (1024, 300),
        "BacklogMetricFunction": (512, 30),
        "MigrateFunction": (512, 900),
    }
    # It would be taken from the account's, and a fresh account has too few to take any.
    for function in DEPLOYMENT.resources("AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function.properties
    migration = properties("Migrations.Migration")
    assert migration["ServiceTimeout"] > properties("Migrations.MigrateFunction")["Timeout"]


def test_the_api_takes_any_path_method_and_octets_and_is_throttled() -> None:
    body = properties("Api.Api")["Body"]
    assert set(body["paths"]) == {"/", "/{proxy+}"}
    assert all(set(path) == {"x-amazon-apigateway-any-method"} for path in body["paths"].values())
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]
    assert properties("Api.Api")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    stages = list(Deployment({"ApiThrottleRate": "7"}).resources("AWS::ApiGateway::Stage"))
    assert [stage.properties["StageName"] for stage in stages] == ["live"]
    (limits,) = stages[0].properties["MethodSettings"]
    assert (limits["ResourcePath"], limits["HttpMethod"]) == ("/*", "*")
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == ("7", "100")
