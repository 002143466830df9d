"""What the manifests of the repository have to be, and whether they fit each other and the node."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.cli.main import COMMANDS
from api.cli.processes.worker import Queue
from api.server.probes import router
from storage.container import open_storage
from storage.processes.process_roles import worker_name
from storage.settings import Settings, load_settings
from storage.settings.unknown import setting_names
from tests.distribution.kubernetes.conftest import (
    MANIFESTS,
    SCRIPT,
    Document,
    helm_path,
    pod_of,
)
from tests.distribution.kubernetes.policies import violations
from tests.distribution.kubernetes.schemas import OF_OTHERS, VERSIONS, mistakes
from tests.migrated import upgrade

ALL = [
    pytest.param(document, id=f"{name}-{document['kind']}-{document['metadata']['name']}")
    for name, documents in MANIFESTS.items()
    for document in documents
]
EACH = pytest.mark.parametrize("name", sorted(MANIFESTS))
ACCOUNTS = {
    "scp": "scp",
    "api": "api",
    "hl7": "control",
    "beat": "control",
    "worker-control": "control",
    "worker-jobs": "worker",
    "worker-gpu": "worker",
    "worker-language": "worker",
    "migrate": "owner",
    "backup": "owner",
    "node": "owner",
}


def pods(name: str) -> list[tuple[Document, Document]]:
    """Each document that makes pods, and their template."""
    return [
        (document, template)
        for document in MANIFESTS[name]
        if (template := pod_of(document)) is not None
    ]


def role_of(template: Document) -> str:
    role: str = template["metadata"]["labels"]["app.kubernetes.io/component"]
    return role


def containers(template: Document) -> list[dict[str, Any]]:
    return [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]


def of_kind(name: str, *kinds: str) -> list[Document]:
    return [one for one in MANIFESTS[name] if one["kind"] in kinds]


def selects(selector: dict[str, Any], template: Document) -> bool:
    labels = template["metadata"]["labels"]
    return selector.items() <= labels.items()


def test_they_are_what_the_chart_gives() -> None:
    helm_path()
    answer = subprocess.run(
        [sys.executable, SCRIPT, "--check"], check=False, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "version",
    [
        VERSIONS[0],
        *(pytest.param(one, marks=pytest.mark.slow) for one in VERSIONS[1:-1]),
        VERSIONS[-1],
    ],
)
def test_kubernetes_takes_them_without_a_field_that_it_does_not_know(version: str) -> None:
    # Most are the same in several manifests.
    different = {
        json.dumps(one, sort_keys=True): one
        for documents in MANIFESTS.values()
        for one in documents
        if one["kind"] not in OF_OTHERS
    }
    found = {
        f"{one['kind']} {one['metadata']['name']}": wrong
        for one in different.values()
        if (wrong := mistakes(one, version))
    }
    assert found == {}


@pytest.mark.parametrize("document", ALL)
def test_no_pod_may_more_than_it_needs(document: Document) -> None:
    assert list(violations(document)) == []


def test_each_policy_is_one_that_bites() -> None:
    good = next(one for one, _ in pods("group") if one["kind"] == "StatefulSet")
    bad = copy.deepcopy(good)
    pod = bad["spec"]["template"]["spec"]
    pod["securityContext"] = {}
    del pod["automountServiceAccountToken"], pod["enableServiceLinks"]
    pod |= {"hostNetwork": True, "volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]}
    container = pod["containers"][0]
    container["image"] = "mediview:latest"
    container["securityContext"] = {"privileged": True}
    container["ports"][0]["hostPort"] = 104
    for name in ("resources", "startupProbe", "livenessProbe", "readinessProbe"):
        del container[name]
    assert len(list(violations(bad))) == 16
    assert mistakes({**good, "replicas": 2}, "1.37"), "an unknown field is found"


@EACH
def test_names_are_given_once(name: str) -> None:
    named = [(one["kind"], one["metadata"]["name"]) for one in MANIFESTS[name]]
    assert len(set(named)) == len(named)


@EACH
def test_pods_run_commands_that_exist(name: str) -> None:
    for _, template in pods(name):
        for container in containers(template):
            command, *rest = container["args"]
            assert command in COMMANDS
            if command == "worker":
                assert role_of(template) == worker_name(Queue(rest[1]))


@EACH
def test_settings_exist_are_accepted_and_hold_no_secret(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = setting_names(Settings)
    for _, template in pods(name):
        for container in containers(template):
            environment = {one["name"]: one["value"] for one in container["env"]}
            assert environment.keys() <= known.keys()
            with monkeypatch.context() as patch:
                for variable, value in environment.items():
                    patch.setenv(variable, value)
                secrets = tmp_path / role_of(template)
                secrets.mkdir(exist_ok=True)
                (secrets / "mediview_database_url").write_text("postgresql://a:b@c/d")
                (secrets / "mediview_broker_url").write_text("redis://a:b@c/0")
                (secrets / "mediview_audit_key").write_text("ab" * 32)
                patch.setenv("MEDIVIEW_SECRETS_DIR", str(secrets))
                settings = load_settings()
            settings.check_http_binding()
            settings.check_binding(settings.dicom_host, "The SCP")
            assert settings.database_url.startswith("postgresql")


@EACH
def test_each_role_reads_the_secret_of_its_own_account_alone(name: str) -> None:
    for _, template in pods(name):
        named = [
            volume["secret"]["secretName"]
            for volume in template["spec"]["volumes"]
            if "secret" in volume and volume["name"] == "secrets"
        ]
        assert named == [f"mediview-{ACCOUNTS[role_of(template)]}"]


@EACH
def test_probes_ask_what_is_there(name: str) -> None:
    paths = {getattr(route, "path", "") for route in router.routes}
    for document, template in pods(name):
        container = template["spec"]["containers"][0]
        ports = {one["name"]: one["containerPort"] for one in container.get("ports", ())}
        for probe in (container[one] for one in container if one.endswith("Probe")):
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in paths
                assert probe["httpGet"]["port"] in ports
                continue
            program, kind, asked, *_ = probe["exec"]["command"]
            assert program == "mediview-probe"
            if kind == "port":
                assert int(asked) in ports.values()
            else:
                environment = {one["name"]: one["value"] for one in container["env"]}
                folder = environment["MEDIVIEW_SIGNS_OF_LIFE_DIR"]
                assert asked == f"{folder}/{role_of(template)}", document["metadata"]["name"]


@EACH
def test_services_find_their_pods_and_keep_addresses_of_senders(name: str) -> None:
    services = of_kind(name, "Service")
    assert len(services) >= 3
    for service in services:
        spec = service["spec"]
        found = [one for _, one in pods(name) if selects(spec["selector"], one)]
        assert len(found) == 1, service["metadata"]["name"]
        ports = {one["name"] for one in found[0]["spec"]["containers"][0]["ports"]}
        assert {one["targetPort"] for one in spec["ports"]} <= ports
        if spec.get("type") == "LoadBalancer":
            assert spec["externalTrafficPolicy"] == "Local"
    by_name = {one["metadata"]["name"]: one["spec"] for one in services}
    assert by_name["mediview-dicom"]["type"] == "LoadBalancer"
    for document, _ in pods(name):
        if document["kind"] == "StatefulSet":
            assert by_name[document["spec"]["serviceName"]]["clusterIP"] == "None"


@EACH
def test_nothing_goes_in_or_out_but_what_is_named(name: str) -> None:
    policies = [one["spec"] for one in of_kind(name, "NetworkPolicy")]
    (deny,) = [
        one["spec"]
        for one in of_kind(name, "NetworkPolicy")
        if one["metadata"]["name"] == "mediview-default-deny"
    ]
    assert "ingress" not in deny
    assert "egress" not in deny
    for _, template in pods(name):
        assert selects(deny["podSelector"]["matchLabels"], template)
        container = template["spec"]["containers"][0]
        open_ports = {
            port["port"]
            for one in policies
            if selects(one["podSelector"]["matchLabels"], template)
            for rule in one.get("ingress", ())
            for port in rule["ports"]
        }
        assert open_ports == {one["name"] for one in container.get("ports", ())}
    for one in policies:
        for rule in (*one.get("ingress", ()), *one.get("egress", ())):
            assert rule["ports"], "no rule is for every port"


@EACH
def test_a_node_that_is_drained_keeps_all_but_one_pod_of_a_role(name: str) -> None:
    budgets = of_kind(name, "PodDisruptionBudget")
    lasting = [one for document, one in pods(name) if document["kind"] not in {"Job", "CronJob"}]
    for template in lasting:
        [budget] = [
            one["spec"]
            for one in budgets
            if selects(one["spec"]["selector"]["matchLabels"], template)
        ]
        assert budget["maxUnavailable"] == 1
    assert len(budgets) == len(lasting)


@EACH
def test_what_is_scaled_exists_and_has_no_number_of_its_own(name: str) -> None:
    scalers = of_kind(name, "HorizontalPodAutoscaler", "ScaledObject")
    deployments = {
        one["metadata"]["name"]: one["spec"] for one in of_kind(name, "Deployment", "StatefulSet")
    }
    scaled = [one["spec"]["scaleTargetRef"]["name"] for one in scalers]
    assert len(set(scaled)) == len(scaled), "two scalers would fight over one Deployment"
    for deployment, spec in deployments.items():
        assert ("replicas" in spec) == (deployment not in scaled)
    for one in of_kind(name, "ScaledObject"):
        [trigger] = one["spec"]["triggers"]
        named = trigger["authenticationRef"]["name"]
        [authentication] = [
            found
            for found in of_kind(name, "TriggerAuthentication")
            if found["metadata"]["name"] == named
        ]
        [secret] = authentication["spec"]["secretTargetRef"]
        assert (secret["name"], secret["key"]) == ("mediview-worker", "mediview_database_url")


def test_keda_counts_the_jobs_that_wait_and_those_that_run(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    upgrade(settings)
    queries = {
        one["metadata"]["name"]: one["spec"]["triggers"][0]["metadata"]["query"]
        for one in of_kind("group-keda", "ScaledObject") + of_kind("group-gpu", "ScaledObject")
    }
    assert sorted(queries) == ["mediview-worker-gpu", "mediview-worker-jobs"]
    insert = text(
        "INSERT INTO job (job_id, pipeline, pipeline_version, study_instance_uid,"
        " series_instance_uid, input_fingerprint, input_object_key, state, stage, progress, reason,"
        " priority, attempts, lease_owner, created_at, updated_at, result, request_id, queue)"
        " VALUES (:id, 'p', '1', '1.2', '1.2.3', :id, '', :state, '', 0, '', 1, 0, '',"
        " '2026-01-01', '2026-01-01', '{}', '', :queue)"
    )
    states = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
    with open_storage(settings) as storage, storage.engine.begin() as connection:
        for queue in ("jobs", "gpu", "gpu"):
            for state in states:
                number = connection.execute(text("SELECT count(*) FROM job")).scalar_one()
                row = {"id": f"{queue}-{number}", "state": state, "queue": queue}
                connection.execute(insert, row)
        counted = {
            name: connection.execute(text(query)).scalar_one() for name, query in queries.items()
        }
    assert counted == {"mediview-worker-jobs": 2, "mediview-worker-gpu": 4}


def test_jobs_of_the_gpu_run_where_a_gpu_is() -> None:
    for _, template in pods("group-gpu"):
        container = template["spec"]["containers"][0]
        environment = {one["name"]: one["value"] for one in container["env"]}
        assert environment["MEDIVIEW_GPU_PIPELINES"] == "brain-structures,bundle-*", "of all roles"
        is_gpu = role_of(template) == "worker-gpu"
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) == is_gpu
        if is_gpu:
            assert template["spec"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
            assert template["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"
            assert container["image"] == "mediview:0.1.0-cuda"
