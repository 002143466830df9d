"""Values of megabytes leave by address and in pieces, and are never held whole."""

import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from api.dicomweb.instances.metadata import make_metadata
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of
from tests.api.dicomweb.retrieval.test_bulkdata import ANY, JSON, addresses
from tests.builders import t1_head

MIB = 1 << 20
LONG = bytes(range(256)) * (3 * MIB // 256)


def written(dataset: Dataset, syntax: UID) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    little = syntax != ExplicitVRBigEndian
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(file, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return file.getvalue()


def with_long_values(*, undefined: bool) -> Dataset:
    (dataset,) = t1_head((1, 8, 8))
    inner, outer = Dataset(), Dataset()
    inner.add_new(0x00420011, "OB", LONG + b"i")
    outer.ReferencedImageSequence = Sequence([Dataset(), inner])
    dataset.SourceImageSequence = Sequence([outer])
    for of, keyword in ((outer, "ReferencedImageSequence"), (dataset, "SourceImageSequence")):
        of[keyword].is_undefined_length = undefined
    dataset.TextValue = "t" * 2 * MIB
    dataset.private_block(0x0011, "MAKER", create=True).add_new(0x01, "OB", LONG)
    return dataset


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
    ids=["explicit", "implicit", "big-endian", "deflated"],
)
def test_long_values_at_any_depth_are_found_by_their_addresses(
    empty_node: DicomwebNode, syntax: UID, undefined: bool
) -> None:
    accepted = empty_node.storage.ingest.accept(
        written(with_long_values(undefined=undefined), syntax), "test"
    )
    url = empty_node.path_of(accepted.sop_instance_uid)
    with empty_node.client() as client:
        (elements,) = client.get(f"{url}/metadata", headers=JSON).json()
        bodies = {}
        for address in addresses(elements):
            (body,) = bodies_of(client.get(address, headers=ANY))
            bodies[address.rpartition("/bulkdata/")[2]] = body
        assert len(bodies_of(client.get(f"{url}/bulkdata", headers=ANY))) == 4
    del bodies["7FE00010"]
    assert bodies == {
        "00111001": LONG,
        "0040A160": b"t" * 2 * MIB,
        # Padded to an even length, as it is stored.
        "00082112/1/00081140/2/00420011": LONG + b"i\0",
    }
    assert elements["00100010"]["Value"]


def peak_of(empty_node: DicomwebNode, dataset: Dataset) -> tuple[int, Any]:
    accepted = empty_node.storage.ingest.accept(written(dataset, ExplicitVRLittleEndian), "test")
    instance = empty_node.storage.index.instance(accepted.sop_instance_uid)
    del dataset
    tracemalloc.start()
    try:
        made = make_metadata(empty_node.storage, [instance], "http://node", gzipped=False)
        return tracemalloc.get_traced_memory()[1], made
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("has_pixels", [True, False])
def test_metadata_of_a_long_private_value_take_no_memory(
    empty_node: DicomwebNode, has_pixels: bool
) -> None:
    (dataset,) = t1_head((1, 8, 8))
    if not has_pixels:
        del dataset.PixelData
    dataset.private_block(0x0011, "MAKER", create=True).add_new(0x01, "OB", bytes(48 * MIB))
    peak_bytes, made = peak_of(empty_node, dataset)
    assert b"00111001" in made
    assert peak_bytes < 8 * MIB
