"""Options in which podman and docker differ: the user of a container, and its GPUs."""

import os
import re

_NOBODY = 65534
# Of a user namespace of the node's own; beyond what systems hand to people and services.
_FIRST_UID, _UIDS = 1_900_000_000, 65536
_ENVIRONMENT = re.compile(r"^(PATH|HOME|USER|TMPDIR|XDG_.*|CONTAINERS?_.*|DOCKER_.*|PODMAN_.*)$")


def owner_of_files(engine: str) -> int:
    """Who a container's user is outside of it, where the node is root."""
    return _NOBODY + (_FIRST_UID if engine == "podman" else 0)


def user_options(engine: str, group: int | None = None) -> list[str]:
    """Nobody, in a user namespace where the engine has them without a daemon's settings; in the
    `group` of the image's own user, whose files it may have to read."""
    group = _NOBODY if group is None else group
    is_root = os.geteuid() == 0
    if engine == "docker":
        return [f"--user={_NOBODY if is_root else os.geteuid()}:{group}"]
    nobody = f"--user={_NOBODY}:{group}"
    if not is_root:
        # What it writes belongs to the node's own user.
        return [f"--userns=keep-id:uid={_NOBODY},gid={_NOBODY}", nobody]
    mapped = f"0:{_FIRST_UID}:{_UIDS}"
    return [f"--uidmap={mapped}", f"--gidmap={mapped}", nobody]


def gpu_options(engine: str, gpus: str) -> list[str]:
    """`gpus`: all, or numbers with commas. podman knows them by the Container Device Interface,
    docker by an option of its own; both need NVIDIA's container toolkit."""
    if engine == "docker":
        # The value is CSV, and a list of numbers one field of it.
        return ["--gpus=all" if gpus == "all" else f'--gpus="device={gpus}"']
    return [f"--device=nvidia.com/gpu={one}" for one in gpus.split(",")]


def engine_environment() -> dict[str, str]:
    """What an engine needs to find its images; secrets of the node's environment stay here."""
    return {name: value for name, value in os.environ.items() if _ENVIRONMENT.match(name)}
