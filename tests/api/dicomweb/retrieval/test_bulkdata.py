"""Every address that the metadata give leads to the value that pydicom reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.api.client import part10
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read
from tests.builders import t1_head

ANY = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
JSON = {"Accept": "application/dicom+json"}


def addresses(elements: dict[str, Any]) -> Iterator[str]:
    for element in elements.values():
        if "BulkDataURI" in element:
            yield element["BulkDataURI"]
        for item in element.get("Value", []) if element["vr"] == "SQ" else []:
            yield from addresses(item)


def nested(empty_node: DicomwebNode) -> tuple[Dataset, str]:
    """Large values at the top, in an item of an item, and in a private element."""
    (dataset,) = t1_head((1, 64, 64))
    icon, outer, inner = Dataset(), Dataset(), Dataset()
    icon.Rows = icon.Columns = 64
    icon.BitsAllocated, icon.PixelData = 8, bytes(range(256)) * 16
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    inner.add_new(0x00420011, "OB", b"inner" * 1000)
    outer.ReferencedImageSequence = [Dataset(), inner]
    dataset.SourceImageSequence = [outer]
    block = dataset.private_block(0x0011, "MAKER", create=True)
    block.add_new(0x01, "UN", b"p" * 5000)
    block.add_new(0x02, "OW", bytes(range(256)) * 8)
    accepted = empty_node.storage.ingest.accept(part10(dataset), "test")
    return dataset, empty_node.path_of(accepted.sop_instance_uid)


def test_values_in_sequences_and_private_groups_are_found(empty_node: DicomwebNode) -> None:
    dataset, url = nested(empty_node)
    with empty_node.client() as client:
        (elements,) = client.get(f"{url}/metadata", headers=JSON).json()
        bodies = {}
        for address in addresses(elements):
            (body,) = bodies_of(client.get(address, headers=ANY))
            bodies[address.rpartition("/bulkdata/")[2]] = body
            alone = client.get(address, headers={"Accept": "application/octet-stream"})
            assert alone.content == body
    assert bodies == {
        "7FE00010": dataset.PixelData,
        "00111001": b"p" * 5000,
        "00111002": bytes(range(256)) * 8,
        "00880200/1/7FE00010": bytes(range(256)) * 16,
        "00082112/1/00081140/2/00420011": b"inner" * 1000,
    }


def test_all_of_an_instance_at_once_with_the_address_of_each(empty_node: DicomwebNode) -> None:
    dataset, url = nested(empty_node)
    with empty_node.client(headers=ANY) as client:
        (elements,) = client.get(f"{url}/metadata", headers=JSON).json()
        expected = list(addresses(elements))
        study = url.partition("/series/")[0]
        series = url.partition("/instances/")[0]
        for resource in (study, series, url):
            answer = client.get(f"{resource}/bulkdata")
            assert len(bodies_of(answer)) == 5
            locations = [
                line.partition(b": ")[2].decode()
                for line in answer.content.split(b"\r\n")
                if line.startswith(b"Content-Location")
            ]
            assert locations == expected
            pixels = client.get(f"{resource}/pixeldata")
            assert bodies_of(pixels) == [dataset.PixelData]
            again = client.get(
                f"{resource}/pixeldata", headers={"If-None-Match": pixels.headers["etag"]}
            )
            assert again.status_code == 304


def test_every_address_of_the_shared_data_leads_somewhere(nodes: list[DicomwebNode]) -> None:
    count = 0
    for node in nodes:
        with node.client() as client:
            for uid in node.files:
                url = node.path_of(uid)
                (elements,) = client.get(f"{url}/metadata", headers=JSON).json()
                for address in addresses(elements):
                    with client.stream("GET", address, headers=ANY) as answer:
                        assert answer.status_code == 200, (node.files[uid].name, address)
                        assert next(answer.iter_raw())
                    count += 1
    assert count > 100


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "ExplVR_BigEnd.dcm", "MOVEKNEE.dcm"])
def test_pixel_data_leave_as_they_are_wanted(
    nodes: list[DicomwebNode], shared_data: Path, name: str
) -> None:
    path = shared_data / "odd" / name
    node = next(one for one in nodes if path in one.files.values())
    dataset = read(path)
    url = node.path_of(node.stored(path))
    little = {"Accept": 'multipart/related; type="application/octet-stream"'}
    with node.client(headers=little) as client:
        body = b"".join(bodies_of(client.get(f"{url}/pixeldata")))
    words = np.frombuffer(body, f"<u{dataset.BitsAllocated // 8}")
    expected = dataset.pixel_array
    if dataset.get("PlanarConfiguration") and "RLE" not in name:
        expected = np.moveaxis(expected, -1, 0)
    count = expected.size
    np.testing.assert_array_equal(words[:count], expected.reshape(-1).view(words.dtype))


def test_what_is_not_there_is_a_404(node: DicomwebNode, shared_data: Path) -> None:
    url = node.path_of(node.stored(shared_data / "seg_sr" / "sr_document.dcm"))
    with node.client(headers=ANY) as client:
        assert client.get(f"{url}/pixeldata").status_code == 404
        for path in ("7FE00010", "0040A730/1", "0040A730/99/00100010", "zz", "1/2/3/4"):
            assert client.get(f"{url}/bulkdata/{path}").status_code == 404, path
