"""podman or docker by its command line: images looked up, and one container at a time run apart.

A container has no network, no capabilities, a read-only root, a user that is nobody, and limits of
memory, processors, processes, files and time. What it prints is dropped: it may name the patient.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from inference.containers.container_run import ContainerEngine, ContainerRun, Ended
from inference.containers.engine_options import (
    engine_environment,
    gpu_options,
    owner_of_files,
    user_options,
)
from inference.containers.image_files import ImageUser, image_user, only_file
from inference.containers.manifest import MANIFEST_AT_MOST_BYTES, TEMPORARY_FOLDER
from inference.refusals import ModelUnusable
from storage.core.text.outside_text import text_from_outside
from storage.settings import Settings

_CALL_S = 120.0
_REMOVALS, _REMOVE_AGAIN_S = 3, 0.5
_LOOKED_EVERY_S = 0.25
# With the headers and the padding of a tar archive (POSIX ustar).
_ARCHIVE_AT_MOST_BYTES = MANIFEST_AT_MOST_BYTES + 64 * 1024
_SHOWN_AT_MOST = 200
_VOLUMES_AT_MOST = 8
_VOLUME = re.compile(r"(?:/[A-Za-z0-9._-]+)+/?")
_LABEL = "mediview-model"
# After its time a container ends by itself, should the worker that ran it be gone.
_GRACE_S = 60


class Engine:
    """Raises ModelUnusable wherever the engine itself does not do what it is asked for."""

    _own_users: ClassVar[dict[str, ImageUser | None]] = {}
    """By image, of all engines of the process."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    def version(self) -> str:
        return self._call("version", "--format", "{{.Client.Version}}").strip()

    def image_id(self, image: str) -> str:
        """Which image stands behind a name now: `sha256:…`, of its configuration."""
        found = self._call("image", "inspect", "--format", "{{.Id}}", image).strip()
        return f"sha256:{found.removeprefix('sha256:')}"

    def starts_with(self, image_id: str) -> tuple[tuple[str, ...], str]:
        """What an image runs by itself, and in which folder; empty where it does not say."""
        stated = self._call("image", "inspect", "--format", "{{json .Config}}", image_id)
        config = json.loads(stated) or {}
        command = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
        return tuple(map(str, command)), str(config.get("WorkingDir") or "")

    def read_file(self, image_id: str, path: str) -> bytes | None:
        """A file of an image of which nothing is executed; None where there is none."""
        container = self._call(
            "create", f"--label={_LABEL}", "--network=none", image_id, "none"
        ).strip()
        try:
            with subprocess.Popen(
                [self.name, "cp", f"{container}:{path}", "-"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=engine_environment(),
            ) as copying:
                # An image may have a file of any size there.
                archive = copying.stdout.read(_ARCHIVE_AT_MOST_BYTES) if copying.stdout else b""
                if len(archive) == _ARCHIVE_AT_MOST_BYTES:
                    copying.kill()
                elif copying.wait(_CALL_S) != 0:
                    return None
            return only_file(archive)
        finally:
            self._remove(container)

    def hand_over(self, folder: Path) -> None:
        """Let a folder and its files be those of the user that a container has."""
        if os.geteuid() != 0:
            # It is the worker's own user there.
            return
        owner = owner_of_files(self.name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner)

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        """Until it ends. `check` is called again and again; what it raises ends the container."""
        self._remove_left_over()
        options = [*self._volumes(run), *self._options(run)]
        container = self._call("create", *options, run.image_id, *run.command[1:]).strip()
        waiting = None
        try:
            self._call("start", container)
            until = time.monotonic() + run.timeout_s
            waiting = subprocess.Popen(
                [self.name, "wait", container],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=engine_environment(),
            )
            while not _has_ended(waiting):
                check()
                if time.monotonic() >= until:
                    raise ModelUnusable(
                        f"The container took longer than {run.timeout_s:g} s and was ended.",
                        remedy="Raise MEDIVIEW_CONTAINER_TIMEOUT_S if it needs more; the package's"
                        " own manifest may state less.",
                    )
            state = json.loads(self._call("inspect", "--format", "{{json .State}}", container))
            if state.get("Status") not in ("exited", "stopped"):
                raise self._failed("wait", f"the container is {state.get('Status', 'not known')}")
            return Ended(int(state["ExitCode"]), bool(state.get("OOMKilled")))
        finally:
            if waiting is not None:
                waiting.kill()
                waiting.wait()
            self._remove(container)

    def _options(self, run: ContainerRun) -> list[str]:
        limits = self._settings
        temporary_bytes = limits.container_memory_bytes // 2
        user = self._own_user(run.image_id)
        packages = {} if user is None else {"PYTHONUSERBASE": user.python_user_base}
        variables = {**packages, **run.environment, "HOME": TEMPORARY_FOLDER}
        return [
            f"--label={_LABEL}",
            "--network=none",
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            f"--pids-limit={limits.container_pids}",
            f"--memory={limits.container_memory_bytes}",
            # Of memory and swap together: no swap.
            f"--memory-swap={limits.container_memory_bytes}",
            f"--cpus={limits.container_cpus:g}",
            "--ulimit=core=0:0",
            f"--ulimit=fsize={limits.container_output_bytes}:{limits.container_output_bytes}",
            # In memory, which counts against the limit.
            f"--tmpfs={TEMPORARY_FOLDER}:rw,nosuid,nodev,mode=1777,size={temporary_bytes}",
            f"--mount=type=bind,src={run.input[0]},dst={run.input[1]},readonly",
            f"--mount=type=bind,src={run.output[0]},dst={run.output[1]}",
            f"--workdir={run.working_directory}",
            "--log-driver=none",
            *(f"--env={name}={value}" for name, value in variables.items()),
            *user_options(self.name, None if user is None else user.group),
            *(gpu_options(self.name, limits.container_gpus) if run.gpus else []),
            *([f"--timeout={int(run.timeout_s) + _GRACE_S}"] if self.name == "podman" else []),
            f"--entrypoint={run.command[0]}",
        ]

    def _own_user(self, image_id: str) -> ImageUser | None:
        # A film after the other is run: an image stays what it is under its digest.
        if image_id not in self._own_users:
            self._own_users[image_id] = self._read_own_user(image_id)
        return self._own_users[image_id]

    def _read_own_user(self, image_id: str) -> ImageUser | None:
        stated = self._call("image", "inspect", "--format", "{{.Config.User}}", image_id).strip()
        passwd = self.read_file(image_id, "/etc/passwd") if stated else None
        return None if passwd is None else image_user(stated, passwd)

    def _volumes(self, run: ContainerRun) -> list[str]:
        """In memory, too, what the image declares as volumes: an engine makes folders of its disk.

        podman copies there what the image holds; docker does not, and is refused.
        Raises ModelUnusable for more than a few, and for a path that cannot be given on.
        """
        stated = self._call(
            "image", "inspect", "--format", "{{json .Config.Volumes}}", run.image_id
        )
        mounted = {run.input[1], run.output[1], TEMPORARY_FOLDER}
        paths = sorted(path for path in json.loads(stated) or () if path.rstrip("/") not in mounted)
        if paths and self.name == "docker":
            raise ModelUnusable(
                "The image declares volumes, which docker keeps on its disk without a limit.",
                remedy="Use podman (MEDIVIEW_CONTAINER_ENGINE), or an image without VOLUME.",
            )
        if len(paths) > _VOLUMES_AT_MOST or not all(map(_VOLUME.fullmatch, paths)):
            raise ModelUnusable(
                f"The image declares more than {_VOLUMES_AT_MOST} volumes, or one whose path is"
                " not made of letters, digits and . _ - /.",
                remedy="Ask who made the image for one without VOLUME.",
            )
        size_bytes = self._settings.container_memory_bytes // 2 // max(len(paths), 1)
        return [f"--tmpfs={path}:rw,nosuid,nodev,mode=1777,size={size_bytes}" for path in paths]

    def _remove(self, container: str) -> None:
        at_once = ["--time=0"] if self.name == "podman" else []
        for left in reversed(range(_REMOVALS)):
            # One that is just being ended, or whose disk is full, is not removed at once.
            if self._quietly("rm", "--force", "--volumes", *at_once, container) or not left:
                return
            time.sleep(_REMOVE_AGAIN_S)

    def _remove_left_over(self) -> None:
        """Containers that have ended, of workers that were killed."""
        age = f"until={int(self._settings.container_timeout_s) + _GRACE_S}s"
        self._quietly(
            "container", "prune", "--force", f"--filter=label={_LABEL}", f"--filter={age}"
        )

    def _quietly(self, *arguments: str) -> bool:
        """Whether it was done."""
        try:
            done = subprocess.run(
                [self.name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=engine_environment(),
                timeout=_CALL_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def _call(self, *arguments: str) -> str:
        try:
            return subprocess.run(
                [self.name, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=engine_environment(),
                timeout=_CALL_S,
                check=True,
                text=True,
                errors="replace",
            ).stdout
        except subprocess.TimeoutExpired as error:
            why = f"no answer within {_CALL_S:g} s"
            raise self._failed(arguments[0], why) from error
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or "").strip().splitlines() or ["no reason stated"]
            shown = text_from_outside(lines[-1], _SHOWN_AT_MOST)
            raise self._failed(arguments[0], shown) from error
        except OSError as error:
            raise self._failed(arguments[0], error.strerror or "it cannot be started") from error

    def _failed(self, what: str, why: str) -> ModelUnusable:
        return ModelUnusable(
            f"{self.name} {what} failed: {why}",
            remedy="Try the same image by hand, as the user that the node's workers have.",
        )


def engine_of(settings: Settings) -> ContainerEngine:
    """Raises ModelUnusable where the site names none, or it is not installed."""
    name = settings.container_engine
    if not name:
        raise ModelUnusable(
            "Models in containers are not run here: MEDIVIEW_CONTAINER_ENGINE is empty.",
            remedy="An operator sets it to podman, docker or kubernetes.",
        )
    if name == "kubernetes":
        return _kubernetes(settings)
    if shutil.which(name) is None:
        raise ModelUnusable(
            f"MEDIVIEW_CONTAINER_ENGINE names {name}, which is not installed.",
            remedy=f"Install {name} where the workers run.",
        )
    return Engine(name, settings)


def _kubernetes(settings: Settings) -> ContainerEngine:
    from inference.containers.kubernetes_engine import KubernetesEngine

    for value, setting in (
        (settings.container_exchange_dir, "EXCHANGE_DIR"),
        (settings.container_claim, "CLAIM"),
        (settings.container_namespace, "NAMESPACE"),
    ):
        if not value:
            raise ModelUnusable(
                "MEDIVIEW_CONTAINER_ENGINE is kubernetes, and MEDIVIEW_CONTAINER_"
                f"{setting} is empty.",
                remedy="The chart sets it where containers.enabled is true (docs/kubernetes.md).",
            )
    return KubernetesEngine(settings)


def _has_ended(waiting: subprocess.Popen[bytes]) -> bool:
    try:
        waiting.wait(_LOOKED_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True
