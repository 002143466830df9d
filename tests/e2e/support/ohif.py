"""OHIF as its makers ship it, served from an origin of its own, as an integrator would."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

VERSION = "3.13.2"
_SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
_ROOT = Path(__file__).parents[3]
_STAMPS = _ROOT / ".stamps"
# A megabyte saved is a second: models of another kind, microscopy, and what helps to debug.
_LEFT_OUT = ("ort", "dicom-microscopy-viewer")


def ohif_files() -> Path:
    """The folder of OHIF's built pages; fetched from the npm registry once, and kept.

    Skips, naming the reason, where the registry cannot be reached.
    """
    folder = _STAMPS / f"ohif-{VERSION}"
    if not folder.is_dir():
        part = _STAMPS / f"ohif-{VERSION}.part-{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _unpack(_fetch(part), part / "site")
            (part / "site").rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm") or shutil.which("npm", path=_STAMPS / "node")
    if npm is None:
        pytest.skip("npm is not installed, so OHIF cannot be fetched")
    answer = subprocess.run(
        [npm, "pack", f"@ohif/app@{VERSION}", "--silent", "--fetch-retries=0"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if answer.returncode:
        pytest.skip(f"the npm registry does not give @ohif/app {VERSION}")
    (archive,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == _SHA512
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as package:
        for member in package:
            path = PurePosixPath(member.name)
            if path.parts[:2] != ("package", "dist") or path.suffix == ".map":
                continue
            inner = path.relative_to("package/dist")
            if member.isfile() and inner.parts[0] not in _LEFT_OUT:
                member.name = str(inner)
                package.extract(member, folder, filter="data")


@contextmanager
def ohif_site(port: int, dicomweb_url: str) -> Iterator[str]:
    """OHIF at a port of its own, set to the DICOMweb services at `dicomweb_url`."""
    handler = partial(_Pages, ohif_files(), configuration(dicomweb_url))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="ohif", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configuration(dicomweb_url: str) -> bytes:
    """OHIF's own example of a DICOMweb server, with our address."""
    source = {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": "mediview",
        "configuration": {
            "friendlyName": "MediViewAI",
            "name": "mediview",
            "wadoUriRoot": dicomweb_url,
            "qidoRoot": dicomweb_url,
            "wadoRoot": dicomweb_url,
            "qidoSupportsIncludeField": True,
            "imageRendering": "wadors",
            "thumbnailRendering": "wadors",
            "enableStudyLazyLoad": True,
            "supportsFuzzyMatching": True,
            "supportsWildcard": True,
            "bulkDataURI": {"enabled": True},
            "omitQuotationForMultipartRequest": True,
        },
    }
    config: dict[str, Any] = {
        "routerBasename": None,
        "extensions": [],
        "modes": [],
        "showStudyList": True,
        "maxNumberOfWebWorkers": 2,
        "showCPUFallbackMessage": False,
        "investigationalUseDialog": {"option": "never"},
        "defaultDataSourceName": "mediview",
        "dataSources": [source],
    }
    return f"window.config = {json.dumps(config)};".encode()


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Files, one configuration, and the one page for every address that is no file."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, configuration: bytes, *rest: Any) -> None:
        self._folder = folder
        self._configuration = configuration
        super().__init__(*rest, directory=str(folder))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/app-config.js":
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(self._configuration)))
            self.end_headers()
            self.wfile.write(self._configuration)
            return
        if not (self._folder / path.lstrip("/")).is_file():
            self.path = "/index.html"
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """What a page asks for is no one's concern."""
