"""The manifests: valid by Kubernetes' own types, locked down, and of one mind with the code."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
import yaml

from tests.conftest import ROOT
from tests.infra.commands import check_command
from tests.infra.kubernetes_schema import faults
from tests.infra.settings_names import KNOWN

FOLDER = ROOT / "infra" / "kubernetes"
OURS = "rootnote"

Manifest = dict[str, Any]


def load_all() -> dict[str, Manifest]:
    return {
        f"{path.relative_to(FOLDER)}:{found['kind']}:{found.get('metadata', {}).get('name', '')}": found
        for path in sorted(FOLDER.rglob("*.yaml"))
        for found in yaml.safe_load_all(path.read_text())
    }


MANIFESTS = load_all()
CUSTOM = ("keda.sh", "monitoring.coreos.com", "kustomize.config.k8s.io")
PLAIN = [name for name, m in MANIFESTS.items() if not m["apiVersion"].startswith(CUSTOM)]
PODS = [name for name in PLAIN if "template" in MANIFESTS[name].get("spec", {})]


def pod(name: str) -> Manifest:
    spec: Manifest = MANIFESTS[name]["spec"]["template"]["spec"]
    return spec


def find(kind: str, name: str) -> Manifest:
    return next(m for m in MANIFESTS.values() if m["kind"] == kind and m["metadata"]["name"] == name)


def environment(container: Manifest) -> Iterator[str]:
    for source in container.get("envFrom", []):
        yield from find("ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", []):
        yield variable["name"]


@pytest.mark.parametrize("name", PLAIN)
def test_kubernetes_takes_it(name: str) -> None:
    assert faults(MANIFESTS[name]) == []


def test_the_schema_check_itself_finds_faults() -> None:
    worker = find("Deployment", "celery-worker")
    misspelt, mistyped = copy.deepcopy(worker), copy.deepcopy(worker)
    misspelt["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {"x": 1}
    mistyped["spec"]["replicas"] = "three"
    assert faults(misspelt) == ["Deployment.spec.template.spec.containers[0].livenesProbe"]
    with pytest.raises(msgspec.ValidationError, match=r"spec\.replicas"):
        faults(mistyped)


@pytest.mark.parametrize("name", PODS)
def test_pods_are_locked_down(name: str) -> None:
    spec = pod(name)
    assert spec["automountServiceAccountToken"] is False
    # Else each service puts variables into every pod, and REDIS_PORT=tcp://… has broken many a program.
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    writable = {volume["name"] for volume in spec["volumes"] if volume["emptyDir"]["sizeLimit"]}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert [m["mountPath"] for m in container["volumeMounts"] if m["name"] in writable] == ["/tmp"]
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}


def test_one_image_with_one_user_for_every_part() -> None:
    ours = [pod(name) for name in PODS if pod(name)["containers"][0]["image"] == OURS]
    assert len(ours) == 5
    assert {spec["securityContext"]["runAsUser"] for spec in ours} == {10001}
    images = MANIFESTS["kustomization.yaml:Kustomization:"]["images"]
    assert [image["name"] for image in images] == [OURS]


@pytest.mark.parametrize("name", PODS)
def test_containers_are_told_what_the_code_reads(name: str) -> None:
    for container in pod(name)["containers"]:
        told = set(environment(container))
        assert told <= KNOWN
        if container["image"] == OURS:
            assert "DATABASE_URL" in told
            check_command(container["command"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            command = container.get(probe, {}).get("exec", {}).get("command", ["sh"])
            if command[0] != "sh":
                check_command(command)


def test_our_containers_ask_for_no_program_but_pythons() -> None:
    """The image has no shell and no tools."""
    for name in PODS:
        for container in pod(name)["containers"]:
            if container["image"] == OURS:
                hooks = [
                    container.get(probe, {}) for probe in ("startupProbe", "livenessProbe", "readinessProbe")
                ]
                hooks += container.get("lifecycle", {}).values()
                for command in (hook["exec"]["command"] for hook in hooks if "exec" in hook):
                    assert command[0] == "python", name


def test_secrets_come_from_the_secret_and_only_to_those_who_need_them() -> None:
    example = find("Secret", "rootnote-secrets")["stringData"]
    for name in PODS:
        for variable in pod(name)["containers"][0].get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            assert (reference is not None) == (variable["name"] in example)
            if reference is not None:
                assert (reference["name"], reference["key"]) == ("rootnote-secrets", variable["name"])
            if variable["name"].endswith("_API_KEY"):
                assert "celery-worker" in name


def test_the_example_secret_is_not_applied_and_every_other_file_is() -> None:
    for path in FOLDER.rglob("kustomization.yaml"):
        listed = set(yaml.safe_load(path.read_text())["resources"])
        there = {other.name for other in path.parent.glob("*.yaml")} - {path.name, "secret.example.yaml"}
        assert listed == there


def test_selectors_find_their_pods() -> None:
    labels = {MANIFESTS[name]["spec"]["template"]["metadata"]["labels"]["app"] for name in PODS}
    for name in PODS:
        template = MANIFESTS[name]["spec"]["template"]["metadata"]["labels"]
        wanted = MANIFESTS[name]["spec"].get("selector", {}).get("matchLabels", {})
        assert wanted.items() <= template.items()
    for manifest in MANIFESTS.values():
        if manifest["kind"] == "Service":
            assert manifest["spec"]["selector"]["app"] in labels
        if manifest["kind"] == "NetworkPolicy":
            selector = manifest["spec"]["podSelector"]
            chosen = {value for e in selector.get("matchExpressions", []) for value in e["values"]}
            assert chosen | set(selector.get("matchLabels", {}).values()) <= labels


def test_a_worker_has_longer_to_leave_than_it_takes() -> None:
    assert pod("worker.yaml:Deployment:celery-worker")["terminationGracePeriodSeconds"] == 120
    beat = find("Deployment", "celery-beat")["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


def test_the_api_is_not_taken_out_for_a_worker_that_is_down() -> None:
    (container,) = pod("api.yaml:Deployment:rootnote-api")["containers"]
    probes = [
        container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    ]
    assert probes == ["/healthz"] * 3


def test_keda_scales_the_worker_by_a_query_that_runs(database_url: str) -> None:
    scaled = find("ScaledObject", "celery-worker")["spec"]
    authentication = find("TriggerAuthentication", "rootnote-database")
    assert scaled["scaleTargetRef"] == {"name": find("Deployment", "celery-worker")["metadata"]["name"]}
    assert 0 <= scaled["minReplicaCount"] < scaled["maxReplicaCount"]
    (trigger,) = scaled["triggers"]
    assert trigger["type"] == "postgresql"
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    (reference,) = authentication["spec"]["secretTargetRef"]
    assert reference == {"parameter": "connection", "name": "rootnote-secrets", "key": "DATABASE_URL"}
    # KEDA wants every value of metadata as text, and one number from the query.
    assert set(trigger["metadata"]) == {"query", "targetQueryValue"}
    assert float(trigger["metadata"]["targetQueryValue"]) > 0
    with psycopg.connect(database_url) as connection:
        assert connection.execute(trigger["metadata"]["query"]).fetchall() == [(0,)]
