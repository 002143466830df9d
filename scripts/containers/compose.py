"""usage: compose.py [--keep]

Starts docker-compose.yml as a whole, as it is, and takes a study to its destination: DCMTK sends a
chest CT to the published port, lung-density measures it, and its SEG and SR arrive at a storescp of
this machine. The viewer answers over the published port, and objects lie in the bucket. Then all is
stopped and started again, and nothing may be missing. The profiles hl7 and interactive run beside
the rest; of gpu, whose image would bring CUDA, the configuration alone is read. Needs podman,
podman-compose and DCMTK, as root, and the images of image.sh.

  COMPOSE      the program (podman-compose)
  STAND_INS=1  PostgreSQL, Redis and the S3 server come from Debian's packages, under the names of
               the published images; Ceph's gateway stands in Garage's place
  KUBE_BASE    their base (docker.io/library/debian:trixie-slim)
  KUBE_BUILD   further options of their `podman build`
  FIRST_PORT   of five ports of this machine that are used (18100)
"""

import argparse
import contextlib
import functools
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any

import yaml
from chest_study import write_chest
from commands import ROOT, run, until
from compose_project import Project, asking_for_health, build_stand_ins
from outside import acknowledged, arrived, fetched, new_key, receiving

STAND_INS = ("postgres", "redis", "garage")
FIRST_PORT = int(os.environ.get("FIRST_PORT", "18100"))
HOST = "127.0.0.1"
HTTP, DICOM, S3, OUTSIDE, HL7 = range(FIRST_PORT, FIRST_PORT + 5)
PROFILES = ("hl7", "interactive")


def found(path: str, key: str) -> Any:
    status, body, _ = fetched(HOST, HTTP, path, key)
    if status != http.client.OK:
        raise SystemExit(f"{path} answered {status}: {body[:500]!r}")
    return json.loads(body)


def objects_in_bucket(project: Project) -> int:
    """How many objects the bucket has, as a client outside counts them."""
    import boto3

    secrets = project.folder / "secrets"
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}:{S3}",
        aws_access_key_id=(secrets / "s3_access_key_id").read_text(),
        aws_secret_access_key=(secrets / "s3_secret_access_key").read_text(),
        region_name="us-east-1",
    )
    with contextlib.closing(client):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="mediview")
        return sum(len(page.get("Contents", ())) for page in pages)


def try_profiles(project: Project) -> None:
    health = project.health()
    for service in ("hl7", "worker-interactive"):
        assert health[service] == "healthy", health
    answer = acknowledged(HOST, HL7)
    assert answer == "AA", answer
    print("hl7 and interactive: healthy; HL7 was acknowledged at the published port")
    gpu = project.configured("gpu")
    assert list(gpu) == ["worker-gpu"], gpu
    assert gpu["worker-gpu"]["image"].endswith("-cuda"), gpu
    assert gpu["worker-gpu"]["command"] == ["worker", "--queue", "gpu"], gpu
    print(f"profile gpu: adds {', '.join(gpu)}, in {gpu['worker-gpu']['image']}; not started")


def try_story(project: Project, outside: Path) -> None:
    project.execute(
        "api", "mediview", "users", "add", "admin", "--role", "admin", "--password-stdin",
        input="correct horse battery staple 7\n",
    )  # fmt: skip
    execute = functools.partial(project.execute, "api")
    key = new_key(execute, "compose", "dicomweb:read", "api:read")
    with tempfile.TemporaryDirectory() as name:
        study, instances = write_chest(Path(name))
        begun_s = time.monotonic()
        run("storescu", "-aec", "MEDIVIEW", "+sd", "+r", HOST, DICOM, name)
    print(f"storescu: {instances} instances were acknowledged at the published port")
    until(lambda: {"SEG", "SR"} <= arrived(outside, study).keys(), "SEG and SR at the destination")
    print(f"at the destination after {time.monotonic() - begun_s:.0f} s: {arrived(outside, study)}")
    status, page, kind = fetched(HOST, HTTP, "/")
    assert status == http.client.OK, (status, page[:300])
    assert kind.startswith("text/html"), kind
    print(f"viewer: its first page, {len(page)} bytes, over the published port")
    before = state(study, key)
    until(lambda: objects_in_bucket(project) >= before["instances"], "Objects in the bucket")
    print(f"bucket: {objects_in_bucket(project)} objects; node: {before}")
    project.compose("stop")
    ended = project.health()
    print(f"stopped: {ended}")
    assert set(ended.values()) == {"ended 0"}, "something was killed, for it took too long to stop"
    began_s = time.monotonic()
    project.bring_up("start")
    until(project.is_well, "All healthy again")
    print(f"stopped and started again: all healthy after {time.monotonic() - began_s:.0f} s")
    after = state(study, key)
    assert after == before, (before, after)
    assert objects_in_bucket(project) >= before["instances"]
    print("nothing is missing")


def state(study: str, key: str) -> dict[str, Any]:
    """What the node has of the study, read through all that must have come back."""
    instances = found(f"/dicom-web/studies/{study}/instances", key)
    first = instances[0]
    series, instance = (first[tag]["Value"][0] for tag in ("0020000E", "00080018"))
    path = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}"
    status, body, _ = fetched(HOST, HTTP, path, key)
    assert status == http.client.OK, (path, status, body[:300])
    query = urllib.parse.urlencode({"study_instance_uid": study})
    jobs = found(f"/api/v1/jobs?{query}", key)
    rows = (
        jobs
        if isinstance(jobs, list)
        else next(iter(v for v in jobs.values() if isinstance(v, list)))
    )
    return {
        "instances": len(instances),
        "jobs": sorted(f"{one['pipeline']} {one['state']}" for one in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave it running")
    given = parser.parse_args()
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    if os.environ.get("STAND_INS") == "1":
        build_stand_ins([(name, services[name]["image"]) for name in STAND_INS])
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="mediview-compose-"))
        if not given.keep:
            stack.callback(shutil.rmtree, folder)
        outside = folder / "outside"
        outside.mkdir()
        stack.enter_context(receiving(outside, OUTSIDE))
        (folder / "project").mkdir()
        project = Project(
            folder / "project",
            {
                "HTTP_PORT": str(HTTP),
                "DICOM_PORT": str(DICOM),
                "S3_PORT": str(S3),
                "HL7_PORT": str(HL7),
                "MEDIVIEW_HL7_PORT": "2575",
                "MEDIVIEW_INTERACTIVE_SESSIONS": "1",
                "MEDIVIEW_DESTINATIONS": f"outside=OUTSIDE@host.containers.internal:{OUTSIDE}",
            },
            PROFILES,
        )
        if not given.keep:
            stack.callback(project.compose, "down", "--volumes")
        stack.enter_context(asking_for_health(project))
        begun_s = time.monotonic()
        try:
            project.bring_up("up", "--detach", "--no-build", "--no-deps")
            until(project.is_well, "All healthy")
            print(f"all healthy after {time.monotonic() - begun_s:.0f} s: {project.health()}")
            try_profiles(project)
            try_story(project, outside)
        except BaseException:
            print(project.health())
            for service, name in project.names().items():
                print(f"--- {service}", flush=True)
                subprocess.run(["podman", "logs", "--tail", "25", name], check=False)
            raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
