"""What is outside of a node that is tried: a client of its API, and a destination of results."""

import contextlib
import http.client
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pydicom


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str


def fetched(host: str, port: int, path: str, key: str = "") -> Answer:
    """What the API answers to GET."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers.get("Content-Type", ""))


def is_ready(host: str, port: int, path: str = "/readyz") -> bool:
    """Whether it answers 200."""
    with contextlib.suppress(OSError):
        return fetched(host, port, path).status == http.client.OK
    return False


def new_key(execute: Callable[..., str], name: str, *scopes: str) -> str:
    """An integrator's key, made by what executes a command beside the node."""
    options = [word for scope in scopes for word in ("--scope", scope)]
    printed = execute("mediview", "keys", "create", name, "--role", "integrator", *options)
    return next(word for word in printed.split() if word.startswith("mvk_"))


@contextlib.contextmanager
def receiving(folder: Path, port: int) -> Iterator[None]:
    """A storescp of this machine, OUTSIDE, which writes what arrives to the folder."""
    words = ("--fork", "--aetitle", "OUTSIDE", "--output-directory", folder, str(port))
    receiver = subprocess.Popen(["storescp", *words])
    try:
        yield
    finally:
        receiver.kill()
        receiver.wait()


def arrived(folder: Path, study: str) -> dict[str, str]:
    """Modality and series description of what has arrived of a study."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.glob("*")]
    of_study = [one for one in headers if one.StudyInstanceUID == study]
    return {str(one.Modality): str(one.SeriesDescription) for one in of_study}
