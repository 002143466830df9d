"""What is outside of a node that is tried: a client of its API, and a destination of results."""

import contextlib
import http.client
import socket
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


def acknowledged(host: str, port: int) -> str:
    """How a new patient in an HL7 v2 message is acknowledged over MLLP."""
    segments = (
        "MSH|^~\\&|RIS|HOSPITAL|MEDIVIEW||20260102030405||ADT^A01^ADT_A01|TRIED-1|P|2.5.1",
        "EVN|A01|20260102030405",
        "PID|1||TRIED-1^^^HOSPITAL^MR||Composed^Chest||19610203|O",
    )
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.sendall(b"\x0b" + "\r".join(segments).encode() + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            if not (received := connection.recv(4096)):
                raise SystemExit(f"{host}:{port} closed the connection after {answer!r}")
            answer += received
    (code,) = [one.split(b"|")[1] for one in answer.split(b"\r") if one.startswith(b"MSA|")]
    return code.decode()
