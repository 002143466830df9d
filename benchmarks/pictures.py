"""Rendered JPEGs and thumbnails of CT slices, beside Orthanc.

    python -m benchmarks.pictures

Requests in turns over one connection each: pictures that nobody has asked for yet, one picture
again and again, and many in turns again. Printed are the median of the times and the server's CPU
time for each. Orthanc's plugin has no thumbnails of a series.
"""

import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pydicom

from benchmarks.support.dicomweb_servers import Server, children, our_node, peer
from tests.shared import SHARED

_SLICES, _ASKED = 100, 80
_BOUNDARY = "B"
_TYPE = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'


class _Client:
    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def request(self, method: str, path: str, accept: str, body: bytes = b"") -> float:
        """Milliseconds; a connection that was closed meanwhile is opened again."""
        headers = {"Accept": accept, **({"Content-Type": _TYPE} if body else {})}
        for _ in range(3):
            began = time.perf_counter()
            try:
                self._connection.request(method, self.server.root + path, body or None, headers)
                response = self._connection.getresponse()
                response.read()
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                continue
            if response.status != http.client.OK:
                raise RuntimeError(f"{self.server.name} answers {response.status} to {path}")
            return 1000 * (time.perf_counter() - began)
        raise RuntimeError(f"{self.server.name} closes its connections")

    def cpu_ms(self) -> float:
        ticks = 0
        for pid in (self.server.pid, *children(self.server.pid)):
            with suppress(FileNotFoundError, ProcessLookupError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    files = sorted((SHARED / "data" / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))[:_SLICES]
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    first = headers[0]
    series = f"/studies/{first.StudyInstanceUID}/series/{first.SeriesInstanceUID}"
    instances = [f"{series}/instances/{one.SOPInstanceUID}" for one in headers]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(start(Path(folder))) for start in (our_node, peer)]
        clients = [_Client(server) for server in servers]
        for client in clients:
            for path in files:
                start, end = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n", "--\r\n"
                body = start.encode() + path.read_bytes() + f"\r\n--{_BOUNDARY}{end}".encode()
                client.request("POST", "/studies", "application/dicom+json", body)
            client.request("GET", f"{instances[-1]}/rendered", "image/jpeg")
        rendered = [f"{one}/rendered" for one in instances[:_ASKED]]
        _compare("rendered, new", clients, rendered)
        _compare("rendered, one again", clients, rendered[:1] * _ASKED)
        _compare("rendered, many again", clients, rendered)
        _compare("thumbnail of an instance", clients[:1], [f"{instances[0]}/thumbnail"] * _ASKED)
        _compare("thumbnail of the series", clients[:1], [f"{series}/thumbnail"] * _ASKED)


def _compare(name: str, clients: Sequence[_Client], paths: Sequence[str]) -> None:
    before = [client.cpu_ms() for client in clients]
    times: list[list[float]] = [[] for _ in clients]
    for path in paths:
        for client, of_client in zip(clients, times, strict=True):
            of_client.append(client.request("GET", path, "image/jpeg"))
    figures = ", ".join(
        f"{client.server.name} {statistics.median(of_client):.1f} ms"
        f" ({(client.cpu_ms() - cpu) / len(paths):.1f} ms of CPU)"
        for client, of_client, cpu in zip(clients, times, before, strict=True)
    )
    print(f"{name}: {figures}; load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
