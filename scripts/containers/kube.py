"""usage: kube.py small|group [--keep]

Plays what the chart renders by `podman kube play`, in the image mediview:tried of image.sh: the
whole node in one pod (small), or a pod for each role beside a PostgreSQL and a Redis (group).
echoscu and storescu of DCMTK send three instances from outside, the probes of the manifests are
asked as a kubelet asks them, and the study has to be found by QIDO-RS. Needs podman, as root, and
DCMTK.

What podman does not know of Kubernetes is changed before, and nothing else: see `adapted` in
kube_documents.py.

  KUBE_BASE   base of the image with PostgreSQL and Redis (docker.io/library/debian:trixie-slim)
  KUBE_BUILD  further options of its `podman build`; no read-only mount on /etc/ssl/certs, into
              which a package writes
"""

import argparse
import contextlib
import functools
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import run
from kube_documents import Document, adapted, rendered, secrets
from kube_pods import address_of, container_of, job_ended, make_network, play, unplay, until
from kube_servers import servers
from outside import fetched, is_ready, new_key
from small_study import write_study

HTTP = 8000


def try_pods(documents: list[Document], roles: dict[str, str]) -> None:
    """Ask the probes, send a study, and find it again."""
    for role in roles.values():
        until(lambda role=role: bool(container_of(role)), f"The pod of {role}")
    api = address_of(roles["api"])
    took_s = until(lambda: is_ready(api, HTTP), "/readyz")
    assert all(is_ready(api, HTTP, path) for path in ("/livez", "/startupz"))
    print(f"/livez, /startupz and /readyz answered after {took_s:.0f} s")
    for document in documents:
        if document["kind"] == "Deployment":
            try_probe(document["spec"]["template"])
    dicom = address_of(roles["dicom"])
    with tempfile.TemporaryDirectory() as folder:
        study = write_study(Path(folder))
        until(lambda: echoes(dicom), "C-ECHO")
        print("echoscu: C-ECHO was answered")
        run("storescu", "-aec", "MEDIVIEW", "+sd", "+r", dicom, "11112", folder)
    print("storescu: 3 instances were acknowledged")
    execute = functools.partial(run, "podman", "exec", container_of(roles["api"]))
    key = new_key(execute, "kube", "dicomweb:read")
    status, found, _ = fetched(api, HTTP, f"/dicom-web/studies/{study}/instances", key)
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
    make_network()
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


if __name__ == "__main__":
    sys.exit(main())
