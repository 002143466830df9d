"""docker-compose.yml as one project on this machine, by podman-compose and podman."""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from commands import ROOT, run, until


class Project:
    """The compose file as it is, in a folder of its own with its secrets and settings."""

    def __init__(
        self, folder: Path, settings: dict[str, str], profiles: Collection[str] = ()
    ) -> None:
        self.folder = folder
        self._profiles = profiles
        shutil.copy(ROOT / "docker-compose.yml", folder)
        shutil.copytree(ROOT / "deploy/compose", folder / "deploy/compose")
        run(ROOT / "scripts/compose-secrets.sh", folder / "secrets")
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (folder / ".env").write_text("".join(lines))
        self._compose = shlex.split(os.environ.get("COMPOSE", "podman-compose"))

    def bring_up(self, *command: str) -> None:
        """Start each service once what it depends on is as the compose file asks.

        Podman-compose would make it a dependency of podman's own, which knows no service that ends.
        """
        services = yaml.safe_load((self.folder / "docker-compose.yml").read_text())["services"]
        waiting = {
            name: one
            for name, one in services.items()
            if "profiles" not in one or set(one["profiles"]) & set(self._profiles)
        }
        started: set[str] = set()
        states = {"service_healthy": "healthy", "service_completed_successfully": "ended 0"}
        while waiting:

            def ready() -> list[str]:
                health = self.health()
                for name in started & health.keys():
                    if health[name].startswith("ended") and health[name] != "ended 0":
                        raise SystemExit(f"{name} {health[name]}")
                return [
                    name
                    for name, one in waiting.items()
                    if all(
                        needed in started and health.get(needed) == states[how["condition"]]
                        for needed, how in one.get("depends_on", {}).items()
                    )
                ]

            until(lambda: bool(ready()), f"What {', '.join(waiting)} wait for")
            begun = ready()
            self.compose(*command, *begun)
            if idle := [one for one in begun if self.health().get(one) == "not started"]:
                raise SystemExit(
                    f"{', '.join(idle)}: made, and not started. Podman-compose 1.3 does not know"
                    " --no-deps: install 1.6 or later from PyPI, and name it as COMPOSE."
                )
            started.update(begun)
            for name in begun:
                del waiting[name]

    def compose(self, *words: str, **options: Any) -> str:
        chosen = [f"--profile={one}" for one in self._profiles]
        return run(*self._compose, *chosen, *words, cwd=self.folder, **options)

    def configured(self, profile: str) -> dict[str, Any]:
        """The services that are added by a profile, as the program reads them."""
        others = self._services()
        return {
            name: one
            for name, one in self._services(f"--profile={profile}").items()
            if name not in others
        }

    def _services(self, *options: str) -> dict[str, Any]:
        printed = run(*self._compose, *options, "config", cwd=self.folder)
        found: dict[str, Any] = yaml.safe_load(printed)["services"]
        return found

    def containers(self) -> list[dict[str, Any]]:
        """As `podman ps` lists those of the project, ended ones included."""
        label = "label=io.podman.compose.project=mediview"
        listed = run("podman", "ps", "--all", "--filter", label, "--format", "json")
        found: list[dict[str, Any]] = json.loads(listed)
        return found

    def names(self) -> dict[str, str]:
        """The name of each service's container."""
        return {
            one["Labels"]["com.docker.compose.service"]: one["Names"][0]
            for one in self.containers()
        }

    def execute(self, service: str, *words: str, **options: Any) -> str:
        return run("podman", "exec", "--interactive", self.names()[service], *words, **options)

    def health(self) -> dict[str, str]:
        """Of each service: healthy, unhealthy, starting; ended with its exit status."""
        answer = {}
        for service, name in self.names().items():
            state = json.loads(run("podman", "inspect", "--format", "{{json .State}}", name))
            if state["Status"] in {"created", "initialized"}:
                answer[service] = "not started"
            elif state["Running"]:
                answer[service] = state["Health"]["Status"] or "without a health check"
            else:
                answer[service] = f"ended {state['ExitCode']}"
        return answer

    def is_well(self) -> bool:
        """Every role is healthy, and the migration has ended well."""
        health = self.health()
        ended = health.pop("migrate", "")
        return ended == "ended 0" and bool(health) and set(health.values()) == {"healthy"}


@contextlib.contextmanager
def asking_for_health(project: Project) -> Iterator[None]:
    """Podman has its health checks run by systemd; without it nobody would ask."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(2):
            with contextlib.suppress(SystemExit, KeyError, ValueError):
                for name in project.names().values():
                    subprocess.run(
                        ["podman", "healthcheck", "run", name], check=False, capture_output=True
                    )

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def build_stand_ins(targets: Sequence[tuple[str, str]]) -> None:
    """Images of Debian's packages under the names of the published ones."""
    options = os.environ.get("KUBE_BUILD", "").split()
    if base := os.environ.get("KUBE_BASE"):
        options += ["--build-arg", f"BASE={base}"]
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        shutil.copytree(ROOT / "scripts/containers/stand-ins", context, dirs_exist_ok=True)
        shutil.copy(ROOT / "scripts/ceph-s3.sh", context)
        for target, tag in targets:
            run("podman", "build", *options, "--target", target, "--tag", tag, context)
