"""How fast `mediview import` brings studies in: from a folder, an Orthanc, DICOMweb, C-GET, C-MOVE.

    python -m benchmarks.imports [--studies 10] [--images 200]

CT images of 0.5 MiB in studies of one series. Orthanc, with its DICOMweb plugin, and the node
(SQLite, volumes in the folder for temporary files) share the machine. The output: instances and
MiB a second, from the first part to the last, without the start of the program.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import numpy as np

from dicom_node.archives import ae
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.imports.dicomweb import DicomwebSource
from dicom_node.imports.folder import FolderSource
from dicom_node.imports.importer import import_all
from dicom_node.imports.journal import Journal
from dicom_node.imports.orthanc import OrthancSource
from dicom_node.imports.query_retrieve import QueryRetrieveSource
from dicom_node.imports.sources import ImportSource
from dicom_node.peers import Peer, PeerLacksService
from storage.settings import Settings
from tests.builders import series
from tests.inference.deliveries.destinations.nodes import archive
from tests.inference.orchestration import storage_in
from tests.services import free_port

_SIZE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--images", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-imports-") as name:
        folder = Path(name)
        files = write(folder / "source", wanted.studies, wanted.images)
        measure(folder, "folder", lambda _: FolderSource(folder / "source"))
        port = free_port()
        known = {"DicomModalities": {"import": ["IMPORT", "127.0.0.1", port]}}
        with archive(folder, **known) as (server, url):
            for file in files:
                server.post("/instances", file.read_bytes())
            peer = Peer("ORTHANC", server.host, server.port)
            rest, web = HttpArchive(server.url, ""), HttpArchive(url, "")
            measure(folder, "Orthanc, REST", lambda _: OrthancSource(rest))
            measure(folder, "DICOMweb", lambda _: DicomwebSource(web, {}))
            measure(folder, "C-GET", lambda settings: QueryRetrieveSource(peer, {}, settings))
            # Orthanc always has C-GET.
            with patch.object(ae, "get", side_effect=PeerLacksService("It offers no C-GET.")):
                moved_to = ("IMPORT", port)
                measure(
                    folder,
                    "C-MOVE",
                    lambda settings: QueryRetrieveSource(peer, {}, settings, moved_to),
                )


def write(folder: Path, studies: int, images: int) -> list[Path]:
    random = np.random.default_rng(1)
    files = []
    for study in range(studies):
        voxels = random.integers(0, 900, (images, _SIZE, _SIZE), dtype=np.int16)
        (folder / f"{study}").mkdir(parents=True)
        for number, image in enumerate(series(voxels, modality="CT", seed=1000 + study)):
            files.append(folder / f"{study}" / f"{number}.dcm")
            image.save_as(files[-1], enforce_file_format=True)
    return files


def measure(folder: Path, name: str, source_of: Callable[[Settings], ImportSource]) -> None:
    with (
        tempfile.TemporaryDirectory(dir=folder) as node,
        storage_in(Path(node)) as storage,
        closing(source_of(storage.settings)) as source,
        Journal(Path(node) / "journal") as journal,
    ):
        begun = time.monotonic()
        result = import_all(storage.ingest, source, journal, "import:bench")
        took_s = time.monotonic() - begun
    stored = result.counts.stored
    rate, mib = stored / took_s, stored * _SIZE * _SIZE * 2 / (1 << 20) / took_s
    print(f"{name:14} {stored:6,} in {took_s:5.1f} s: {rate:4.0f}/s, {mib:4.0f} MiB/s", flush=True)


if __name__ == "__main__":
    main()
