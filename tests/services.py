"""Real servers for tests: Orthanc and DCMTK's storescp, on free ports, gone afterwards."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import ENDING_WITH_US

START_TIMEOUT_S = 120.0
# Its own: pytest-randomly seeds the usual one for each test.
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """A TCP port of loopback that nothing listens on just now.

    Below those that the kernel gives to outgoing connections, which others open meanwhile.
    """
    for port in (_CHANCE.randrange(15_000, 32_000) for _ in range(100)):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("None of a hundred ports is free.")


def tool(name: str, package: str) -> str:
    """Path of an installed program; the test skips, naming the package, where it is missing."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return path


@dataclass(frozen=True)
class OrthancServer:
    """A running Orthanc. `port` speaks DICOM, `url` is its REST API."""

    ae_title: str
    host: str
    port: int
    url: str
    folder: Path

    def get(self, path: str) -> Any:
        """The decoded JSON answer of GET `path`, e.g. `/instances`."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return json.load(answer)

    def get_bytes(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def post(self, path: str, body: Any) -> Any:
        """POST `body` as JSON, or as it is where it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method="POST")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def instance_file(self, sop_instance_uid: str) -> bytes | None:
        """The part-10 file of an instance as Orthanc holds it, None when it does not."""
        found = self.post("/tools/lookup", sop_instance_uid.encode())
        ids = [entry["ID"] for entry in found if entry["Type"] == "Instance"]
        return self.get_bytes(f"/instances/{ids[0]}/file") if ids else None

    def wait_for_instances(self, count: int, timeout_s: float = 30.0) -> list[str]:
        """Orthanc's instance ids, once there are `count` of them."""
        deadline = time.monotonic() + timeout_s
        while True:
            instances: list[str] = self.get("/instances")
            if len(instances) >= count:
                return instances
            if time.monotonic() > deadline:
                raise AssertionError(f"Orthanc holds {len(instances)} of {count} instances")
            time.sleep(0.05)


@contextmanager
def orthanc(
    folder: Path,
    *,
    ae_title: str = "ORTHANC",
    modalities: Mapping[str, tuple[str, str, int]] | None = None,
    options: Mapping[str, Any] | None = None,
    port: int | None = None,
) -> Iterator[OrthancServer]:
    """Run Orthanc with its storage under `folder`.

    `modalities` maps a name to (AE title, host, port) of a peer it may send to.
    `options` are further keys of its configuration file. `port` fixes the
    DICOM port, so that the same Orthanc can be stopped and started again.
    """
    program = tool("Orthanc", "orthanc")
    home = folder / "orthanc"
    home.mkdir(parents=True, exist_ok=True)
    dicom_port = port or free_port()
    # Asked twice, the kernel may name the same one.
    http_port = next(one for one in iter(free_port, None) if one != dicom_port)
    configuration = {
        "Name": ae_title,
        "StorageDirectory": str(home / "storage"),
        "IndexDirectory": str(home / "storage"),
        "DicomAet": ae_title,
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomCheckModalityHost": False,
        "UnknownSopClassAccepted": True,
        "DicomModalities": {name: list(peer) for name, peer in (modalities or {}).items()},
        "Plugins": [],
        **(options or {}),
    }
    config_path = home / "orthanc.json"
    config_path.write_text(json.dumps(configuration))
    url = f"http://127.0.0.1:{http_port}"
    with _process([program, str(config_path)], home / "orthanc.log") as process:
        _wait_until(
            lambda: _answers(f"{url}/system") and _listens(dicom_port),
            process,
            home / "orthanc.log",
        )
        yield OrthancServer(ae_title, "127.0.0.1", dicom_port, url, home)


@dataclass(frozen=True)
class StoreScpServer:
    """A running DCMTK storescp; received files lie in `folder`."""

    ae_title: str
    host: str
    port: int
    folder: Path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@contextmanager
def storescp(
    folder: Path, *, ae_title: str = "STORESCP", options: Sequence[str] = ("+xa",)
) -> Iterator[StoreScpServer]:
    """Run DCMTK's storescp. The options' default accepts every transfer syntax it knows."""
    program = tool("storescp", "dcmtk")
    received = folder / "storescp"
    received.mkdir(parents=True, exist_ok=True)
    log = folder / "storescp.log"
    port = free_port()
    command = [program, "-aet", ae_title, "-od", str(received), *options, str(port)]
    with _process(command, log) as process:
        _wait_until(lambda: _listens(port), process, log)
        yield StoreScpServer(ae_title, "127.0.0.1", port, received)


@contextmanager
def dcmqrscp(
    folder: Path,
    files: Sequence[Path],
    *,
    ae_title: str = "DCMQRSCP",
    move_to: Mapping[str, tuple[str, int]] | None = None,
    options: Sequence[str] = (),
) -> Iterator[tuple[str, str, int]]:
    """Run DCMTK's dcmqrscp with `files` in its index; its AE title, host and port.

    `move_to`: host and port of AE titles to which it may be asked to move.
    """
    program, index = tool("dcmqrscp", "dcmtk"), tool("dcmqridx", "dcmtk")
    area = folder / "dcmqrscp"
    area.mkdir(parents=True, exist_ok=True)
    stored = []
    for number, file in enumerate(files):
        stored.append(area / f"{number}.dcm")
        shutil.copyfile(file, stored[-1])
    if stored:
        subprocess.run([index, str(area), *map(str, stored)], check=True, capture_output=True)
    port = free_port()
    known = enumerate((move_to or {}).items())
    hosts = [f"peer{number} = ({ae}, {host}, {at})" for number, (ae, (host, at)) in known]
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        "\n".join(
            [
                f"NetworkTCPPort = {port}",
                "MaxPDUSize = 16384",
                "MaxAssociations = 16",
                "HostTable BEGIN",
                *hosts,
                "HostTable END",
                "VendorTable BEGIN",
                "VendorTable END",
                "AETable BEGIN",
                f"{ae_title} {area} RW (200, 1024mb) ANY",
                "AETable END",
                "",
            ]
        )
    )
    log = folder / "dcmqrscp.log"
    command = [program, "-c", str(configuration), *options]
    with _process(command, log) as process:
        _wait_until(lambda: _listens(port), process, log)
        yield ae_title, "127.0.0.1", port


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*ENDING_WITH_US, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    try:
        yield process
    finally:
        # Asked to end, Orthanc takes three to six seconds, and nobody needs what it would tidy up.
        process.kill()
        process.wait()


def _wait_until(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
