"""Metadata of very many items are sent while they are made, and not made for nobody."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from api.dicomweb.instances import metadata, metadata_stream
from api.dicomweb.instances.metadata_stream import as_json, begin_metadata
from storage.container import Storage
from storage.core.entities import Instance
from storage.dicom.value_errors import DAMAGED
from storage.integrity.instance_reader import InstanceReader
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.retrieval.test_bulkdata import JSON
from tests.builders import t1_head

XML = {"Accept": 'multipart/related; type="application/dicom+xml"'}


def with_items(dataset: Dataset, items: int) -> bytes:
    """Text as a report of a foreign system has it, an item a sentence."""
    said = []
    for number in range(items):
        one = Dataset()
        one.TextValue = f"Befund {number}: unauffällig\r\n"
        said.append(one)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ContentSequence = said
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def stored(storage: Storage, instances: int, items: int) -> list[Instance]:
    for dataset in t1_head((instances, 8, 8)):
        accepted = storage.ingest.accept(with_items(dataset, items), "dimse:CT1")
    return storage.index.instances_of(accepted.study_instance_uid)


def study_url(found: Sequence[Instance]) -> str:
    return f"/studies/{found[0].study_instance_uid}/metadata"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the metadata of each instance were made, where one is all that comes first."""
    counts = Counter[str]()
    make = metadata.instance_json

    def counted(reader: InstanceReader, instance: Instance) -> bytes:
        counts[instance.sop_instance_uid] += 1
        return make(reader, instance)

    monkeypatch.setattr(metadata_stream, "instance_json", counted)
    monkeypatch.setattr(metadata_stream, "FIRST_BYTES", 0)
    return counts


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_long_answer_has_all_instances_in_their_order(
    empty_node: DicomwebNode, made: Counter[str], encoding: str
) -> None:
    found = stored(empty_node.storage, 12, 40)
    with empty_node.client(headers={**JSON, "Accept-Encoding": encoding}) as client:
        answer = client.get(study_url(found))
        assert answer.status_code == 200
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        uids = [one["00080018"]["Value"][0] for one in answer.json()]
        assert uids == [one.sop_instance_uid for one in found]
        assert len(answer.json()[3]["0040A730"]["Value"]) == 40
        said = answer.json()[3]["0040A730"]["Value"][7]["0040A160"]["Value"]
        assert said == ["Befund 7: unauffällig\r\n"]
        assert client.get(study_url(found)).json() == answer.json()
        assert client.get(study_url(found), headers=XML).text.count("<NativeDicomModel") == 12
    assert made == dict.fromkeys(uids, 1), "and what was made is kept"


def test_what_comes_later_is_made_and_nothing_else(
    empty_node: DicomwebNode, made: Counter[str]
) -> None:
    datasets = t1_head((9, 8, 8))
    storage = empty_node.storage
    for dataset in (*datasets[:4], *datasets[5:]):
        accepted = storage.ingest.accept(with_items(dataset, 20), "dimse:CT1")
    url = f"/studies/{accepted.study_instance_uid}/metadata"
    with empty_node.client(headers=JSON) as client:
        assert len(client.get(url).json()) == 8
        made.clear()
        storage.ingest.accept(with_items(datasets[4], 20), "dimse:CT1")
        found = client.get(url).json()
    assert made == {datasets[4].SOPInstanceUID: 1}
    assert [one["00200013"]["Value"] for one in found] == sorted(
        one["00200013"]["Value"] for one in found
    )
    assert len(found) == 9


def test_nothing_is_made_once_the_reader_has_gone(
    empty_node: DicomwebNode, made: Counter[str]
) -> None:
    storage = empty_node.storage
    found = stored(storage, 30, 400)
    begun = begin_metadata(
        storage.instances, storage.unreadable, storage.objects, found, "http://x"
    )
    pieces = as_json(begun.lines, gzipped=False)
    assert next(pieces).startswith(b"[{")
    pieces.close()
    gone_after = made.total()
    assert gone_after < 20
    again = begin_metadata(
        storage.instances, storage.unreadable, storage.objects, found, "http://x"
    )
    assert len(json.loads(b"".join(as_json(again.lines, gzipped=False)))) == 30
    assert made.total() == 30, "who asks again goes on"


def test_an_instance_that_cannot_be_decoded_is_left_out_of_a_long_answer(
    empty_node: DicomwebNode, made: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stored(empty_node.storage, 6, 5)
    bad = found[3].sop_instance_uid
    make = metadata.instance_json

    def broken(reader: InstanceReader, instance: Instance) -> bytes:
        if instance.sop_instance_uid == bad:
            raise DAMAGED[0]("no such value")
        return make(reader, instance)

    monkeypatch.setattr(metadata_stream, "instance_json", broken)
    with empty_node.client(headers=JSON) as client:
        first, second = client.get(study_url(found)), client.get(study_url(found))
    for answer in (first, second):
        uids = [one["00080018"]["Value"][0] for one in answer.json()]
        assert uids == [one.sop_instance_uid for one in found if one.sop_instance_uid != bad]
    assert "that cannot be decoded are left out" in first.headers["Warning"]
    assert "1 instance is left out" in second.headers["Warning"]
    noted = empty_node.storage.unreadable.newest()
    assert [one.sop_instance_uid for one in noted] == [bad]


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("headers", [XML, JSON], ids=["xml", "json"])
def test_an_instance_of_too_many_items_takes_no_other_with_it(
    empty_node: DicomwebNode,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    is_long: bool,
) -> None:
    """As a stranger's segmentation of 65,000 segments in a study of two slices."""
    monkeypatch.setattr("storage.dicom.dataset_reader.MAX_READ_ELEMENTS", 2_000)
    if is_long:
        monkeypatch.setattr(metadata_stream, "FIRST_BYTES", 0)
    first, hostile, last = t1_head((3, 8, 8))
    storage = empty_node.storage
    for dataset, items, sender in ((first, 3, "CT1"), (hostile, 3_000, "ANY"), (last, 3, "CT1")):
        accepted = storage.ingest.accept(with_items(dataset, items), f"dimse:{sender}")
    url = f"/studies/{accepted.study_instance_uid}/metadata"
    with empty_node.client(headers=headers) as client:
        answers = [client.get(url) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200
        assert [one.SOPInstanceUID in answer.text for one in (first, hostile, last)] == [
            True,
            False,
            True,
        ]
        assert "left out" in answer.headers["Warning"]
        assert answer.text.rstrip().endswith("]" if headers is JSON else "--"), "it is whole"


def test_memory_does_not_grow_with_what_is_sent(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_stream, "FIRST_BYTES", 256 << 10)
    storage = empty_node.storage
    found = stored(storage, 16, 2_000)
    tracemalloc.start()
    try:
        begun = begin_metadata(
            storage.instances, storage.unreadable, storage.objects, found, "http://x"
        )
        sent_bytes = sum(map(len, as_json(begun.lines, gzipped=False)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent_bytes > 2 << 20
    # One instance as pydicom has it takes most of it.
    assert peak_bytes < 7 << 20
    tracemalloc.start()
    try:
        begun = begin_metadata(
            storage.instances, storage.unreadable, storage.objects, found, "http://x"
        )
        assert sum(map(len, as_json(begun.lines, gzipped=False))) == sent_bytes
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3 << 20, "kept ones are unpacked piece by piece"
