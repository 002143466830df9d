"""A machine of Debian and systemd, which is a container, with the node's package on it."""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chest_study import write_chest
from commands import ROOT, run, until
from outside import arrived, fetched, is_ready, receiving

NAME = "mediview-debian"
IMAGE = "mediview-debian:tried"
HTTP = 8000
ENVIRONMENT = "/etc/mediview/mediview.env"


def inside(*words: str, **options: Any) -> str:
    return run("podman", "exec", "--interactive", NAME, *words, **options)


def succeeds(*words: str) -> bool:
    answer = subprocess.run(["podman", "exec", NAME, *words], check=False, capture_output=True)
    return answer.returncode == 0


def address() -> str:
    return run("podman", "inspect", NAME, "--format", "{{.NetworkSettings.IPAddress}}").strip()


def install(made: Path) -> str:
    run("podman", "cp", made, f"{NAME}:/root/{made.name}")
    begun_s = time.monotonic()
    words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--allow-downgrades"]
    # As unattended upgrades do: files of settings that a person has changed stay.
    keep = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    wheels = ["TORCH_WHEELS=/opt/wheels"] if os.environ.get("TORCH_WHEELS") else []
    certificates = "PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
    printed = inside(
        "env", "DEBIAN_FRONTEND=noninteractive", certificates, *wheels,
        *words, *keep, f"/root/{made.name}",
    )  # fmt: skip
    print(f"{made.name}: installed in {time.monotonic() - begun_s:.0f} s")
    for line in printed.splitlines():
        if line.startswith("mediview:"):
            print(f"  {line}")
    return printed


def answers() -> bool:
    return is_ready(address(), HTTP)


def instances_of(study: str, key: str) -> int:
    status, body, _ = fetched(address(), HTTP, f"/dicom-web/studies/{study}/instances", key)
    assert status == http.client.OK, (status, body[:300])
    return len(json.loads(body))


def send_and_wait(outside: Path, called: str) -> str:
    """Send a chest from outside; its study once SEG and SR have arrived outside."""
    with tempfile.TemporaryDirectory() as name:
        study, instances = write_chest(Path(name))
        begun_s = time.monotonic()
        run("storescu", "-aec", called, "+sd", "+r", address(), 11112, name)
    print(f"storescu: {instances} instances acknowledged")

    until(lambda: {"SEG", "SR"} <= arrived(outside, study).keys(), "SEG and SR outside")
    print(f"its SEG and SR arrived outside after {time.monotonic() - begun_s:.0f} s")
    return study


def show(unit: str) -> dict[str, str]:
    fields = "ActiveState,NRestarts,User,MainPID,Result"
    printed = inside("systemctl", "show", unit, "--property", fields)
    return dict(line.split("=", 1) for line in printed.splitlines())


@contextlib.contextmanager
def debian_machine(*, keep: bool = False) -> Iterator[str]:
    """The address of this machine as the other sees it; where something fails, its journal is
    printed."""
    build = os.environ.get("BUILD", "").split()
    if base := os.environ.get("DEBIAN_BASE"):
        build += ["--build-arg", f"BASE={base}"]
    context = ROOT / "scripts/containers"
    file = context / "Containerfile.debian"
    run("podman", "build", *build, "--tag", IMAGE, "--file", file, context)
    subprocess.run(["podman", "rm", "--force", NAME], check=False, capture_output=True)
    # Privileged, as a machine of its own: without it systemd leaves out what shields the units.
    run(
        "podman", "run", "--detach", "--name", NAME, "--pull=never", "--systemd=always",
        "--privileged", "--pids-limit=-1", *os.environ.get("BARE_RUN", "").split(), IMAGE,
    )  # fmt: skip
    try:
        if wheels := os.environ.get("TORCH_WHEELS"):
            run("podman", "cp", wheels, f"{NAME}:/opt/wheels")
        network = json.loads(run("podman", "network", "inspect", "podman"))
        inside("apt-get", "update", "-qq")
        yield network[0]["subnets"][0]["gateway"]
    except BaseException:
        words = ["journalctl", "--no-pager", "--lines", "80", "--unit", "mediview*"]
        subprocess.run(["podman", "exec", NAME, *words], check=False)
        raise
    finally:
        if not keep:
            run("podman", "rm", "--force", "--volumes", NAME)


def try_on_debian(title: str, port: int, story: Callable[[Path, Path, str], None]) -> None:
    """As a program: `story` gets the folder of what has come to the destination at `port`, a folder
    for files of its own, and the address by which the machine reaches this one."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--keep", action="store_true", help="leave it running")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="mediview-debian-"))
        stack.callback(shutil.rmtree, folder)
        (outside := folder / "outside").mkdir()
        stack.enter_context(receiving(outside, port))
        gateway = stack.enter_context(debian_machine(keep=given.keep))
        story(outside, folder, gateway)
