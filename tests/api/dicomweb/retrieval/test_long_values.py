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

from api.dicomweb.instances import large_headers
from api.dicomweb.instances.frames import open_frames
from api.dicomweb.instances.headers import raw_header
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


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_long_texts_leave_by_address_in_short_sequences_too(
    empty_node: DicomwebNode, syntax: UID
) -> None:
    (dataset,) = t1_head((1, 8, 8))
    item = Dataset()
    item.TextValue = "t" * (MIB + 2)
    dataset.ContentSequence = Sequence([item])
    accepted = empty_node.storage.ingest.accept(written(dataset, syntax), "test")
    url = empty_node.path_of(accepted.sop_instance_uid)
    with empty_node.client() as client:
        (elements,) = client.get(f"{url}/metadata", headers=JSON).json()
        (text,) = elements["0040A730"]["Value"]
        assert text["0040A160"].keys() == {"vr", "BulkDataURI"}
        answer = client.get(text["0040A160"]["BulkDataURI"], headers=ANY)
    assert bodies_of(answer) == [b"t" * (MIB + 2)]


def test_headers_of_some_mib_go_to_the_decoder_as_they_are_stored(
    empty_node: DicomwebNode,
) -> None:
    (dataset,) = t1_head((1, 8, 8))
    dataset.private_block(0x0011, "MAKER", create=True).add_new(0x01, "OB", LONG)
    file = written(dataset, ExplicitVRLittleEndian)
    accepted = empty_node.storage.ingest.accept(file, "test")
    instance = empty_node.storage.index.instance(accepted.sop_instance_uid)
    layout = open_frames(empty_node.storage.instances, instance).layout
    header = raw_header(empty_node.storage.instances, instance, layout)
    assert header == file[: layout.element_offset]
    assert len(header) > len(LONG)


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


def deflated(number: int, text_bytes: int) -> bytes:
    """Of a few KiB, with text just below what leaves by address."""
    (dataset,) = t1_head((1, 8, 8), InstanceNumber=number)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.77{number}")
    block = dataset.private_block(0x0011, "MAKER", create=True)
    for one in range(text_bytes // 1_000_000):
        block.add_new(one, "UT", "t" * 1_000_000)
    return written(dataset, DeflatedExplicitVRLittleEndian)


def test_many_long_texts_are_sent_as_they_are_made(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = empty_node.storage.ingest
    stored = [ingest.accept(deflated(number, 6_000_000), "test") for number in range(1, 7)]
    study, one = (empty_node.path_of(stored[0].sop_instance_uid).split("/series")[0], stored[5])
    with empty_node.client() as client:
        tracemalloc.start()
        try:
            answer = client.get(f"{study}/metadata", headers=JSON)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(answer.json()) == 6
        assert "that cannot be decoded are left out" in answer.headers["Warning"]
        # What the client holds is counted, too.
        assert most_bytes < 3 * 36 * MIB, "of 36 MB of text, in whatever forms"
        alone = client.get(f"{empty_node.path_of(one.sop_instance_uid)}/metadata", headers=JSON)
        assert alone.status_code == 200
        monkeypatch.setattr(large_headers, "MOST_JSON_BYTES", 5 * MIB)
        too_long = client.get(
            f"{empty_node.path_of(stored[4].sop_instance_uid)}/metadata", headers=JSON
        )
        assert too_long.status_code == 413
        assert "Retrieve the instance as stored" in too_long.text


def test_large_ones_are_made_one_at_a_time(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_headers, "_TURN_S", 0.05)
    stored = empty_node.storage.ingest.accept(deflated(1, 1_000_000), "test")
    path = f"{empty_node.path_of(stored.sop_instance_uid)}/metadata"
    with empty_node.client() as client:
        with large_headers._large:
            assert client.get(path, headers=JSON).status_code == 429
        assert client.get(path, headers=JSON).status_code == 200


@pytest.mark.parametrize("accept", ["application/dicom+json", "application/dicom+xml"])
def test_many_long_texts_are_left_out_of_a_search(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    """The rows behind them have what the index knows, and the answer says so."""
    monkeypatch.setattr(large_headers, "MOST_JSON_BYTES", 14 * MIB)
    ingest = empty_node.storage.ingest
    stored = [ingest.accept(deflated(number, 6_000_000), "test") for number in range(1, 7)]
    study = empty_node.path_of(stored[0].sop_instance_uid).split("/series")[0]
    with empty_node.client(headers={"Accept": accept}) as client:
        few = client.get(f"{study}/instances?includefield=all&limit=2")
        tracemalloc.start()
        try:
            answer = client.get(f"{study}/instances?includefield=all")
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.status_code == 200
    assert "The last 4 results have what the index knows alone" in answer.headers["Warning"]
    assert "knows alone" not in few.headers.get("Warning", "")
    assert answer.content.count(b"t" * 1_000_000) == few.content.count(b"t" * 1_000_000) == 12
    assert most_bytes < 14 * MIB * 7, "of 36 MB of text, in whatever forms"
    if accept == "application/dicom+json":
        assert ["00111001" in row for row in answer.json()] == [True] * 2 + [False] * 4
        uids = {row["00080018"]["Value"][0] for row in answer.json()}
        assert uids == {one.sop_instance_uid for one in stored}


def test_a_search_reads_large_headers_one_at_a_time(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_headers, "_TURN_S", 0.05)
    empty_node.storage.ingest.accept(deflated(1, 1_000_000), "test")
    with empty_node.client(headers=JSON) as client:
        for query in ("includefield=all", "includefield=KVP", "MagneticFieldStrength=1.5"):
            with large_headers._large:
                assert client.get(f"/instances?{query}").status_code == 429
            assert client.get(f"/instances?{query}").status_code == 200
        with large_headers._large:
            assert client.get("/instances").status_code == 200
