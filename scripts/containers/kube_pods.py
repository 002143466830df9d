"""Pods that podman plays, and the network that they are in."""

import functools
import json
import subprocess

import commands
import yaml
from commands import run
from kube_documents import Document

NETWORK = "mediview-kube"
until = functools.partial(commands.until, limit_s=600)


def make_network() -> None:
    subprocess.run(["podman", "network", "create", NETWORK], check=False, capture_output=True)


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


def job_ended() -> bool:
    """Whether the migration has succeeded; one that fails is tried again, as by Kubernetes."""
    label = "label=app.kubernetes.io/component=migrate"
    form = "{{.Names}} {{.State}} {{.ExitCode}}"
    states = run("podman", "ps", "--all", "--filter", label, "--format", form)
    own = [line.split() for line in states.splitlines() if "-mediview " in line]
    return bool(own) and own[0][1:] == ["exited", "0"]
