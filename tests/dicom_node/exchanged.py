"""Instances that a node and other programs exchange, and what must arrive of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade


def instances(count: int = 3) -> list[Dataset]:
    study, series = generate_uid(), generate_uid()
    return [
        ct_instance(study_instance_uid=study, series_instance_uid=series, instance_number=n, seed=n)
        for n in range(1, count + 1)
    ]


def fill(node: Node, count: int = 3) -> list[Dataset]:
    sent = instances(count)
    results = send([item_of(encoded(ds)) for ds in sent], peer=node.peer, calling_ae_title="FILL")
    assert all(result.ok for result in results)
    return sent


def pixels(folder: Path) -> dict[str, bytes]:
    found = (dcmread(path) for path in folder.iterdir() if path.is_file())
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in found}


def wanted(sent: list[Dataset]) -> dict[str, bytes]:
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in sent}


@contextmanager
def node_with(folder: Path, *destinations: Destination, port: int | None = None) -> Iterator[Node]:
    settings = node_settings(folder, destinations=destinations)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage, port)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown()
