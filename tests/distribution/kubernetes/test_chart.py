"""The chart with the values of a site: what it takes, and what it refuses."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from inference.containers.kubernetes_job import LABELS
from storage.settings import Settings, load_settings
from storage.settings.unknown import setting_names
from tests.distribution.kubernetes.conftest import KUBERNETES, Render, pod_of, run_helm
from tests.distribution.kubernetes.policies import violations

SCHEMA = Draft7Validator(json.loads((KUBERNETES / "chart/values.schema.json").read_text()))
DIGEST = f"sha256:{'0a' * 32}"


def test_every_pod_runs_the_very_image_that_a_site_names(render: Render) -> None:
    documents = render("group", image={"repository": "registry.example.org/m", "digest": DIGEST})
    images = {
        container["image"]
        for document in documents
        if (template := pod_of(document)) is not None
        for container in template["spec"]["containers"]
    }
    assert images == {f"registry.example.org/m@{DIGEST}"}
    assert [list(violations(one)) for one in documents if pod_of(one)] == [[]] * 9


def test_roles_that_compute_no_models_run_the_image_without_them(render: Render) -> None:
    def images(**values: Any) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for document in render("group", "gpu", **values):
            if (template := pod_of(document)) is not None:
                role = template["metadata"]["labels"]["app.kubernetes.io/component"]
                (container,) = template["spec"]["containers"]
                found.setdefault(container["image"], set()).add(role)
        return found

    core = {"scp", "api", "hl7", "worker-control", "beat", "migrate", "backup"}
    own = {"mediview:0.1.0": {"worker-jobs", "worker-language"}, "mediview:0.1.0-core": core}
    assert images() == {**own, "mediview:0.1.0-cuda": {"worker-gpu"}}
    site = images(image={"repository": "registry.example.org/m", "tag": "7"})
    assert site["registry.example.org/m:7-core"] == core
    pinned = images(image={"digest": f"sha256:{'0b' * 32}"}, coreImage={"digest": DIGEST})
    assert pinned[f"mediview@{DIGEST}"] == core


def test_a_stopped_node_has_no_pod_and_nothing_that_starts_one(render: Render) -> None:
    documents = render("group", "keda", "gpu", stopped=True)
    kinds = {one["kind"] for one in documents}
    assert not kinds & {"HorizontalPodAutoscaler", "ScaledObject"}
    for one in documents:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            assert one["spec"]["replicas"] == 0
        if one["kind"] == "CronJob":
            assert one["spec"]["suspend"] is True


def test_a_role_has_the_settings_of_the_site_with_its_own_over_them(render: Render) -> None:
    documents = render(
        "group",
        settings={"MEDIVIEW_TORCH_THREADS": "3", "MEDIVIEW_LOG_LEVEL": "DEBUG"},
        workers={"jobs": {"settings": {"MEDIVIEW_TORCH_THREADS": "8"}}},
    )
    threads = {}
    for one in documents:
        if one["kind"] == "Deployment":
            [container] = one["spec"]["template"]["spec"]["containers"]
            environment = {item["name"]: item["value"] for item in container["env"]}
            assert environment["MEDIVIEW_LOG_LEVEL"] == "DEBUG"
            threads[one["metadata"]["name"]] = environment["MEDIVIEW_TORCH_THREADS"]
    assert threads["mediview-worker-jobs"] == "8"
    assert threads["mediview-worker-language"] == "3"


@pytest.mark.parametrize("others", [(), ("disks",)])
def test_interactive_models_have_a_worker_where_sessions_are_allowed(
    render: Render, others: tuple[str, ...]
) -> None:
    documents = render("group", *others, workers={"interactive": {"enabled": True, "sessions": 2}})
    found = {
        template["metadata"]["labels"]["app.kubernetes.io/component"]: template["spec"]
        for document in documents
        if (template := pod_of(document)) is not None
    }
    (container,) = found["worker-interactive"]["containers"]

    assert container["args"] == ["worker", "--queue", "interactive"]
    # The API offers sessions as the same setting says.
    for role in ("worker-interactive", "api"):
        (one,) = found[role]["containers"]
        environment = {item["name"]: item.get("value") for item in one["env"]}
        assert environment["MEDIVIEW_INTERACTIVE_SESSIONS"] == "2"
    assert [text for document in documents for text in violations(document)] == []


def test_with_disks_of_their_own_no_two_pods_share_a_claim(render: Render) -> None:
    documents = render("group", "disks", "gpu", "keda")
    kinds = [one["kind"] for one in documents]
    assert "Deployment" not in kinds
    for one in documents:
        if one["kind"] == "StatefulSet":
            [claim] = one["spec"]["volumeClaimTemplates"]
            assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
            assert one["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"
        template = pod_of(one)
        if template is None:
            continue
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        claimed = volumes.get("data", {}).get("persistentVolumeClaim", {}).get("claimName", "")
        assert claimed == ("mediview-backup" if one["kind"] == "CronJob" else "")
        assert volumes["keys"]["secret"]["secretName"] == "mediview-keys"
        [container] = template["spec"]["containers"]
        environment = {item["name"]: item["value"] for item in container["env"]}
        assert environment["MEDIVIEW_OWN_DISKS"] == "true"
        assert {"name": "keys", "mountPath": environment["MEDIVIEW_HOST_KEYS_DIR"]}.items() <= {
            key: value
            for mount in container["volumeMounts"]
            if mount["name"] == "keys"
            for key, value in mount.items()
        }.items()
    scaled = [one["spec"]["scaleTargetRef"] for one in documents if "scaleTargetRef" in one["spec"]]
    assert {one["kind"] for one in scaled} == {"StatefulSet"}


@pytest.mark.parametrize("claim", ["", "mine"])
def test_the_backup_of_an_embedded_node_mounts_its_disk_where_its_pod_is(
    render: Render, claim: str
) -> None:
    values: dict[str, Any] = {"backup": {"enabled": True}, "data": {"existingClaim": claim}}
    documents = {one["kind"]: one for one in render("small", **values)}
    node, backup = documents["StatefulSet"], pod_of(documents["CronJob"])
    assert backup is not None
    volumes = {one["name"]: one for one in backup["spec"]["volumes"]}
    mounted = {
        mount["name"]
        for container in backup["spec"]["containers"]
        for mount in container["volumeMounts"]
    }
    assert mounted <= volumes.keys()
    made = f"data-{node['metadata']['name']}-0"
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == (claim or made)
    [term] = backup["spec"]["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    labels = node["spec"]["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()


def test_models_on_a_claim_are_written_by_no_pod(render: Render) -> None:
    for one in render("group", models={"existingClaim": "models"}):
        template = pod_of(one)
        if template is not None:
            for container in template["spec"]["containers"]:
                [mount] = [m for m in container["volumeMounts"] if m["name"] == "models"]
                assert mount == {"name": "models", "mountPath": "/models", "readOnly": True}


def test_dicom_over_tls_alone_is_probed_and_open_at_its_own_port(render: Render) -> None:
    documents = render("group", scp={"plain": False})
    [receiver] = [one for one in documents if one["kind"] == "StatefulSet"]
    [container] = receiver["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in container["ports"]] == ["dicom-tls"]
    assert container["readinessProbe"]["exec"]["command"] == ["mediview-probe", "port", "2762"]
    named = {(one["kind"], one["metadata"]["name"]): one for one in documents}
    service = named["Service", "mediview-dicom"]
    assert [one["targetPort"] for one in service["spec"]["ports"]] == ["dicom-tls"]
    policy = named["NetworkPolicy", "mediview-dicom"]
    assert [one["port"] for one in policy["spec"]["ingress"][0]["ports"]] == ["dicom-tls"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"data": {"existingClaim": ""}}, "existingClaim"),
        ({"data": {"perPod": True}}, "existingClaim"),
        (
            {
                "data": {"perPod": True, "existingClaim": ""},
                "settings": {"MEDIVIEW_OBJECT_STORE": "filesystem"},
            },
            "MEDIVIEW_OBJECT_STORE",
        ),
        ({"settings": {"MEDIVIEW_OWN_DISKS": "true"}}, "MEDIVIEW_OWN_DISKS"),
        ({"mode": "half"}, "mode"),
        ({"receivers": 3}, "receivers"),
        ({"scp": {"replica": 3}}, "replica"),
        ({"scp": {"port": 104}}, "port"),
        ({"scp": {"plain": False, "tlsPort": 0}}, "tlsPort"),
        ({"tls": {"existingSecret": ""}}, "existingSecret"),
        ({"image": {"digest": "sha256:12"}}, "digest"),
        ({"settings": {"MEDIVIEW_DATABASE_URL": "postgresql://u:p@db/m"}}, "MEDIVIEW_DATABASE_URL"),
        ({"api": {"settings": {"MEDIVIEW_AUDIT_KEY": "x"}}}, "MEDIVIEW_AUDIT_KEY"),
        ({"settings": {"PATH": "/bin"}}, "PATH"),
        ({"settings": {"MEDIVIEW_LOG_LEVEL": 3}}, "MEDIVIEW_LOG_LEVEL"),
        ({"api": {"trustedProxies": []}}, "trustedProxies"),
        ({"publicUrl": "http://mediview.example.org"}, "publicUrl"),
        ({"workers": {"gpu": {"enabled": True, "pipelines": ""}}}, "pipelines"),
        ({"workers": {"jobs": {"autoscaling": {"kind": "cpu", "min": 0}}}}, "min"),
        ({"workers": {"control": {"autoscaling": {"kind": "queue"}}}}, "kind"),
        ({"workers": {"control": {"enabled": False}}}, "control"),
        ({"workers": {"control": {"replicas": 0}}}, "control"),
        ({"beat": {"replicas": 0}}, "beat"),
        ({"networkPolicy": {"dicomSources": ["modalities"]}}, "dicomSources"),
        ({"beat": {"resources": {"limits": {}}}}, "resources"),
        ({"monitoring": {"serviceMonitor": {"keySecret": {"name": ""}}}}, "keySecret"),
    ],
)
def test_values_that_cannot_be_right_are_refused_by_name(
    values: dict[str, Any], named: str
) -> None:
    assert named in " ".join(refused("group", values))


def test_values_of_the_repository_are_taken() -> None:
    for name in ("small", "group"):
        assert refused(name, {}) == []


def test_helm_refuses_by_the_schema() -> None:
    status, _, errors = run_helm("group", values={"scp": {"replica": 3}})
    assert status != 0
    assert "replica" in errors


def test_every_secret_is_refused_among_the_settings() -> None:
    names = setting_names(Settings)
    secret = [
        variable
        for variable, field in names.items()
        if "SecretStr" in str(Settings.model_fields[field].annotation)
    ]
    assert len(secret) > 4
    of_the_shell = ("MEDIVIEW_PEER_TOKEN", "MEDIVIEW_IMPORT_AUTHORIZATION")
    of_a_bucket = ("MEDIVIEW_S3_ACCESS_KEY_ID", "MEDIVIEW_BACKUP_S3_ACCESS_KEY_ID")
    urls = ("MEDIVIEW_DATABASE_URL", "MEDIVIEW_BROKER_URL")
    for variable in (*secret, *urls, *of_the_shell, *of_a_bucket):
        assert refused("group", {"settings": {variable: "x"}}), variable


def refused(name: str, values: dict[str, Any]) -> list[str]:
    """What the schema says of these values over a file of the repository and the chart's own."""
    merged: dict[str, Any] = yaml.safe_load((KUBERNETES / "chart/values.yaml").read_text())
    for over in (yaml.safe_load((KUBERNETES / f"values/{name}.yaml").read_text()), values):
        merged = with_values(merged, over)
    return [f"{error.json_path} {error.message}" for error in SCHEMA.iter_errors(merged)]


def with_values(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As Helm lays values over others: objects are merged, what else there is is replaced."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        is_merged = isinstance(value, dict) and isinstance(below, dict) and value
        merged[name] = with_values(below, value) if is_merged else value
    return merged


CONTAINERS = {
    "enabled": True,
    "namespace": "models",
    "claim": "exchange",
    "jobsClaim": "exchange-of-jobs",
    "runtimeClassName": "gvisor",
    "imagePullSecrets": [{"name": "registry"}, {"name": "other"}],
}


@pytest.mark.parametrize("others", [(), ("disks",)])
def test_workers_alone_make_jobs_of_containers_and_may_nothing_else(
    render: Render, others: tuple[str, ...]
) -> None:
    documents = render("group", *others, "gpu", containers=CONTAINERS)
    (role,) = [one for one in documents if one["kind"] == "Role"]
    (binding,) = [one for one in documents if one["kind"] == "RoleBinding"]
    allowed = {
        (resource, verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    jobs = {("jobs", verb) for verb in ("create", "get", "delete")}
    assert allowed == jobs | {("pods", "list")}
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {"models"}
    assert {one["kind"] for one in documents} & {"ClusterRole", "ClusterRoleBinding"} == set()
    (account,) = [one for one in documents if one["kind"] == "ServiceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert binding["subjects"][0]["name"] == account["metadata"]["name"]
    with_account = set()
    for document in documents:
        template = pod_of(document)
        if template is None:
            continue
        assert list(violations(document)) == []
        named = {volume["name"] for volume in template["spec"]["volumes"]}
        has_account = template["spec"].get("serviceAccountName") == account["metadata"]["name"]
        assert has_account == ({"account", "exchange"} <= named)
        if has_account:
            with_account.add(template["metadata"]["labels"]["app.kubernetes.io/component"])
    assert with_account == {"worker-jobs", "worker-gpu"}


def test_pods_of_models_are_in_one_policy_alone_which_opens_nothing(render: Render) -> None:
    """Policies add up: one that selects all pods of the node would open its database to them."""
    documents = render("group", containers={**CONTAINERS, "namespace": ""})
    selecting = [
        one
        for one in documents
        if one["kind"] == "NetworkPolicy"
        and one["spec"]["podSelector"].get("matchLabels", {}).items() <= LABELS.items()
    ]
    (policy,) = selecting
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not policy["spec"].get("ingress")
    assert not policy["spec"].get("egress")
    (api,) = [one for one in documents if one["metadata"]["name"] == "mediview-kubernetes-api"]
    (expression,) = api["spec"]["podSelector"]["matchExpressions"]
    assert expression["values"] == ["worker-jobs", "worker-gpu"]


def test_settings_of_containers_are_those_of_the_values(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = render("group", containers=CONTAINERS)
    (worker,) = [
        one
        for one in documents
        if one["kind"] == "Deployment" and one["metadata"]["name"] == "mediview-worker-jobs"
    ]
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    for one in container["env"]:
        if one["name"].startswith("MEDIVIEW_CONTAINER_"):
            monkeypatch.setenv(one["name"], one["value"])
    settings = load_settings()
    assert settings.container_engine == "kubernetes"
    assert settings.container_claim == "exchange-of-jobs"
    assert settings.container_namespace == "models"
    assert settings.container_runtime_class == "gvisor"
    assert settings.container_pull_secrets == ("registry", "other")
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "exchange"]
    assert str(settings.container_exchange_dir) == mount["mountPath"]


@pytest.mark.parametrize(
    "values",
    [
        {"containers": {"enabled": True}},
        {"containers": {**CONTAINERS, "namespace": "Models!"}},
        {"containers": {**CONTAINERS, "image": "x"}},
        {"containers": CONTAINERS, "mode": "embedded", "data": {"existingClaim": ""}},
    ],
)
def test_values_of_containers_that_cannot_be_right_are_refused(values: dict[str, Any]) -> None:
    status, _, errors = run_helm("group", values=values)
    assert status != 0
    assert "containers" in errors
