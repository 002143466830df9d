"""usage: kube.py small|group [--keep]

Plays what the chart renders by `podman kube play`, in the image mediview:tried of image.sh: the
whole node in one pod (small), or a pod for each role beside a PostgreSQL and a Redis (group).
echoscu and storescu of DCMTK send three instances from outside, the probes of the manifests are
asked as a kubelet asks them, and the study has to be found by QIDO-RS. Needs podman, as root, and
DCMTK.

What podman does not know of Kubernetes is changed before, and nothing else: see `adapted`.

  KUBE_BASE   base of the image with PostgreSQL and Redis (docker.io/library/debian:trixie-slim)
  KUBE_BUILD  further options of its `podman build`; no read-only mount on /etc/ssl/certs, into
              which a package writes
"""

import argparse
import contextlib
import http.client
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/kubernetes/chart"
IMAGE = "mediview:tried"
NETWORK = "mediview-kube"
ACCOUNTS = ("owner", "scp", "api", "worker", "control")
LIMIT_S = 600.0

Document = dict[str, Any]


def run(*command: object, **options: Any) -> str:
    """What a command prints. Raises SystemExit with its errors where it fails."""
    words = [str(word) for word in command]
    answer = subprocess.run(words, check=False, capture_output=True, text=True, **options)
    if answer.returncode:
        raise SystemExit(f"{shlex.join(words)}\n{answer.stdout}{answer.stderr}")
    return answer.stdout


def until(done: Callable[[], bool], what: str) -> float:
    """Wait for it; how long it took, in seconds."""
    begun_s = time.monotonic()
    while not done():
        if time.monotonic() - begun_s > LIMIT_S:
            raise SystemExit(f"{what} did not come within {LIMIT_S:.0f} s.")
        time.sleep(1)
    return time.monotonic() - begun_s


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


def play(documents: list[Document]) -> None:
    text = yaml.safe_dump_all(documents)
    run("podman", "kube", "play", "--network", NETWORK, "-", input=text)


def unplay(documents: list[Document]) -> None:
    text = yaml.safe_dump_all(documents)
    subprocess.run(
        ["podman", "kube", "down", "--force", "-"],
        input=text,
        text=True,
        check=False,
        capture_output=True,
    )


_POSTGRES = """set -e
folder=$(echo /etc/postgresql/*/main)
echo "host all all all scram-sha-256" >>$folder/pg_hba.conf
echo "listen_addresses = '*'" >>$folder/postgresql.conf
pg_ctlcluster $(basename $(dirname $folder)) main start
{
    echo "CREATE ROLE mediview LOGIN PASSWORD '$(cat /secrets/postgres_password)';"
    cat /secrets/postgres_accounts.sql
    echo "CREATE DATABASE mediview OWNER mediview;"
} | su postgres -c "psql --quiet --set ON_ERROR_STOP=1"
exec sleep infinity
"""


@contextlib.contextmanager
def servers(folder: Path, *, keep: bool) -> Iterator[None]:
    """PostgreSQL and Redis by the names that the secrets have: postgres and redis."""
    base = os.environ.get("KUBE_BASE", "docker.io/library/debian:trixie-slim")
    containerfile = (
        f"FROM {base}\nRUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install"
        " -y -qq --no-install-recommends postgresql redis-server && rm -rf /var/lib/apt/lists/*\n"
    )
    options = os.environ.get("KUBE_BUILD", "").split()
    run("podman", "build", *options, "--tag", "mediview-servers", "-", input=containerfile)
    commands = {
        "redis": "exec redis-server --save '' --appendonly no --bind '* -::*'"
        " --aclfile /secrets/redis_users.acl",
        "postgres": _POSTGRES,
    }
    with contextlib.ExitStack() as stack:
        for name, command in commands.items():
            run("podman", "rm", "--force", "--ignore", name)
            options = ["--detach", "--init", "--pull=never", "--network", NETWORK, "--name", name]
            options += ["--volume", f"{folder}:/secrets:ro"]
            run("podman", "run", *options, "mediview-servers", "bash", "-c", command)
            if not keep:
                stack.callback(run, "podman", "rm", "--force", "--volumes", name)
        until(has_accounts, "PostgreSQL")
        yield


def has_accounts() -> bool:
    answer = subprocess.run(
        ["podman", "exec", "postgres", "su", "postgres", "-c", "psql -qtAc '\\l mediview'"],
        check=False,
        capture_output=True,
        text=True,
    )
    return "mediview" in answer.stdout


def container_of(role: str) -> str:
    """The running container of a role; empty where there is none."""
    label = f"label=app.kubernetes.io/component={role}"
    listed = run("podman", "ps", "--filter", label, "--format", "{{.ID}} {{.Names}}")
    named = [line.split() for line in listed.splitlines() if line.endswith("-mediview")]
    return named[0][0] if named else ""


def address_of(role: str) -> str:
    """The address of the role's pod on the network."""
    pod = run("podman", "inspect", container_of(role), "--format", "{{.Pod}}").strip()
    infra = run("podman", "pod", "inspect", pod, "--format", "{{.InfraContainerID}}").strip()
    networks = json.loads(run("podman", "inspect", infra))[0]["NetworkSettings"]["Networks"]
    return str(networks[NETWORK]["IPAddress"])


def answers(address: str, path: str) -> bool:
    """Whether the HTTP server answers 200."""
    try:
        return fetched(address, path)[0] == 200
    except OSError:
        return False


def fetched(address: str, path: str, key: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, 8000, timeout=30)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def instances(folder: Path) -> str:
    """Three CT instances of one series; the study's UID."""
    study, series = generate_uid(), generate_uid()
    for number in range(1, 4):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.PatientName, ds.PatientID, ds.Modality = "Played^Pod", "KUBE-1", "CT"
        ds.StudyDate = ds.SeriesDate = "20260102"
        ds.InstanceNumber, ds.SeriesNumber = number, 1
        ds.Rows = ds.Columns = 64
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation, ds.SamplesPerPixel = 15, 0, 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.PixelData = np.full((64, 64), number, np.uint16).tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return str(study)


def try_pods(documents: list[Document], roles: dict[str, str]) -> None:
    """Ask the probes, send a study, and find it again."""
    for role in roles.values():
        until(lambda role=role: bool(container_of(role)), f"The pod of {role}")
    api = address_of(roles["api"])
    took_s = until(lambda: answers(api, "/readyz"), "/readyz")
    assert all(answers(api, path) for path in ("/livez", "/startupz"))
    print(f"/livez, /startupz and /readyz answered after {took_s:.0f} s")
    for document in documents:
        if document["kind"] == "Deployment":
            try_probe(document["spec"]["template"])
    dicom = address_of(roles["dicom"])
    with tempfile.TemporaryDirectory() as folder:
        study = instances(Path(folder))
        until(lambda: echoes(dicom), "C-ECHO")
        print("echoscu: C-ECHO was answered")
        run("storescu", "-aec", "MEDIVIEW", "+sd", "+r", dicom, "11112", folder)
    print("storescu: 3 instances were acknowledged")
    role = ("--role", "integrator", "--scope", "dicomweb:read")
    container = container_of(roles["api"])
    printed = run("podman", "exec", container, "mediview", "keys", "create", "kube", *role)
    key = next(word for word in printed.split() if word.startswith("mvk_"))
    status, found = fetched(api, f"/dicom-web/studies/{study}/instances", key)
    assert status == 200, found
    assert len(json.loads(found)) == 3, found
    print("QIDO-RS found the 3 instances of the study")
    try_rights(container_of(roles["dicom"]))


def try_probe(template: Document) -> None:
    """The probe of a pod that does not speak HTTP."""
    role = template["metadata"]["labels"]["app.kubernetes.io/component"]
    [container] = template["spec"]["containers"]
    if "livenessProbe" in container:
        command = container["livenessProbe"]["exec"]["command"]
        took_s = until(lambda: probe_passes(role, command), f"The probe of {role}")
        print(f"{role}: {shlex.join(command)} passed after {took_s:.0f} s")


def try_rights(container: str) -> None:
    """What the process may: nobody's user, no capability, nothing of the root written."""
    status = run("podman", "exec", container, "cat", "/proc/1/status")
    rights = dict(line.split(":", 1) for line in status.splitlines())
    assert set(rights["Uid"].split()) == {"10001"}, rights["Uid"]
    for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(rights[name], 16) == 0, name
    assert rights["NoNewPrivs"].strip() == "1"
    asked = ["podman", "exec", container, "touch", "/opt/mediview/written"]
    refused = subprocess.run(asked, check=False, capture_output=True, text=True)
    assert "Read-only file system" in refused.stderr, refused
    print("user 10001, no capability, no new privileges, root read-only")


def echoes(address: str) -> bool:
    command = ["echoscu", "-aec", "MEDIVIEW", address, "11112"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def probe_passes(role: str, command: list[str]) -> bool:
    container = container_of(role)
    if not container:
        return False
    asked = ["podman", "exec", container, *command]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=("small", "group"))
    parser.add_argument("--keep", action="store_true", help="leave the pods running")
    given = parser.parse_args()
    subprocess.run(["podman", "network", "create", NETWORK], check=False, capture_output=True)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        documents = list(adapted(rendered(given.name)))
        jobs = [one for one in documents if one["kind"] == "Job"]
        claims = [one for one in documents if one["kind"] == "PersistentVolumeClaim"]
        lasting = [one for one in documents if one["kind"] == "Deployment"]
        own = secrets(given.name, folder)
        if given.name == "group":
            stack.enter_context(servers(folder, keep=given.keep))
        unplay([*own, *claims, *jobs, *lasting])
        if not given.keep:
            stack.callback(unplay, [*own, *claims, *jobs, *lasting])
        play([*own, *claims])
        if jobs:
            play(jobs)
            took_s = until(job_ended, "The migration")
            print(f"mediview migrate --grants ended after {took_s:.0f} s")
        play(lasting)
        names = ", ".join(one["metadata"]["name"] for one in lasting)
        print(f"{len(lasting)} pods are played: {names}")
        is_small = given.name == "small"
        roles = (
            dict.fromkeys(("api", "dicom"), "node") if is_small else {"api": "api", "dicom": "scp"}
        )
        try:
            try_pods(documents, roles)
        except BaseException:
            for role in set(roles.values()):
                if container := container_of(role):
                    subprocess.run(["podman", "logs", "--tail", "30", container], check=False)
            raise
    return 0


def job_ended() -> bool:
    """Whether the migration has succeeded; one that fails is tried again, as by Kubernetes."""
    label = "label=app.kubernetes.io/component=migrate"
    form = "{{.Names}} {{.State}} {{.ExitCode}}"
    states = run("podman", "ps", "--all", "--filter", label, "--format", form)
    own = [line.split() for line in states.splitlines() if "-mediview " in line]
    return bool(own) and own[0][1:] == ["exited", "0"]


if __name__ == "__main__":
    sys.exit(main())
