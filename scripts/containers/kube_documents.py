"""What the chart renders, as podman can play it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from commands import ROOT, run

CHART = ROOT / "deploy/kubernetes/chart"
IMAGE = "mediview:tried"
ACCOUNTS = ("owner", "scp", "api", "worker", "control")

Document = dict[str, Any]


def rendered(name: str) -> list[Document]:
    """The chart with the values of the repository, in the image of this machine and without S3."""
    helm = run(sys.executable, ROOT / "scripts/kubernetes-manifests.py", "--helm").strip()
    repository, _, tag = IMAGE.partition(":")
    settings = {
        "MEDIVIEW_OBJECT_STORE": "filesystem",
        "MEDIVIEW_BACKUP_TO": "",
        "MEDIVIEW_DESTINATIONS": "",
    }
    values = {
        "image": {"repository": f"localhost/{repository}", "tag": tag, "pullPolicy": "Never"},
        "settings": settings,
        # The certificates are the site's.
        "scp": {"tlsPort": 0},
        "tls": {"existingSecret": ""},
    }
    options = ("--values", CHART.parent / f"values/{name}.yaml", "--values", "-")
    text = run(helm, "template", "mediview", CHART, *options, input=yaml.safe_dump(values))
    return [one for one in yaml.safe_load_all(text) if one]


def adapted(documents: list[Document]) -> Iterator[Document]:
    """The same for podman, which knows no StatefulSet, Service, policy, scaler or fsGroup.

    StatefulSets are played as Deployments of one pod, as all are; their claims become claims of
    their own; files of Secrets, which fsGroup would open to the node's group, are open to all in
    the pod. Podman asks a probe by HTTP with curl inside, which the image lacks: this program does.
    """
    claims: set[str] = set()
    for document in documents:
        if document["kind"] not in {"StatefulSet", "Deployment", "Job"}:
            continue
        spec = document["spec"]
        _adapt_pod(document["metadata"]["name"], spec, claims)
        for name in ("serviceName", "podManagementPolicy", "persistentVolumeClaimRetentionPolicy"):
            spec.pop(name, None)
        if document["kind"] != "Job":
            document["kind"] = "Deployment"
            spec["replicas"] = 1
        yield document
    for claim in sorted(claims):
        resources = {"requests": {"storage": "1Gi"}}
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources},
        }


def _adapt_pod(owner: str, spec: Document, claims: set[str]) -> None:
    """Change the pod of a workload; the claims that it names are added."""
    pod = spec["template"]["spec"]
    for template in spec.pop("volumeClaimTemplates", ()):
        name = template["metadata"]["name"]
        claim = {"claimName": f"{name}-{owner}"}
        pod["volumes"].append({"name": name, "persistentVolumeClaim": claim})
    for volume in pod["volumes"]:
        if "secret" in volume:
            volume["secret"]["defaultMode"] = 0o444
        if "persistentVolumeClaim" in volume:
            claims.add(volume["persistentVolumeClaim"]["claimName"])
    for container in pod["containers"]:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if "httpGet" in container.get(probe, {}):
                del container[probe]


def secrets(name: str, folder: Path) -> list[Document]:
    """A Secret for each account, with the files that docker-compose.yml mounts."""
    documents = []
    if name == "group":
        run(ROOT / "scripts/compose-secrets.sh", folder)
    for account in ACCOUNTS if name == "group" else ("owner",):
        files = {}
        if name == "group":
            files["mediview_database_url"] = (folder / f"database_url_{account}").read_text()
            files["mediview_broker_url"] = (folder / "broker_url").read_text()
            files["mediview_audit_key"] = (folder / "audit_key").read_text()
        documents.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"mediview-{account}"},
                "stringData": files,
            }
        )
    return documents
