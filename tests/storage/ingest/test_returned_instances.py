"""What the node made counts as its own when a PACS sends it back, and a changed copy does not."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from alembic import command
from pydantic import SecretStr
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ComprehensiveSRStorage, SegmentationStorage
from sqlalchemy import update

from inference.access_groups.service import apply_rules
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.core.sources import is_own
from storage.core.uids import UidScheme, new_uid
from storage.db.engine import writing
from storage.db.migrate import _config
from storage.index.generated_instances import without_content_digest
from storage.ingest.content_digest import content_digest
from storage.integrity.instance_reader import InstanceReader
from storage.maintenance.content_digests import Progress, digest_contents
from storage.maintenance.reindexing.reindex import reindex
from storage.objects.s3 import S3Objects
from storage.settings import Settings
from storage.volumes.reader import VolumeReader
from tests.api.client import part10
from tests.builders import t1_head
from tests.migrated import upgrade
from tests.services import free_port, tool

WAYS = {
    "implicit": ("dcmconv", "+ti"),
    "deflated": ("dcmconv", "+td"),
    "sequences of undefined length": ("dcmconv", "-e"),
    "group lengths": ("dcmconv", "+g"),
    "UTF-8": ("dcmconv", "+U8"),
    "RLE": ("dcmcrle",),
}


def uids_of(scheme: UidScheme) -> list[str]:
    return [scheme.derive("job", "SEG")]


def result(storage: Storage, size: int = 24) -> Dataset:
    (uid,) = uids_of(storage.generated.scheme(uids_of))
    dataset = t1_head((1, size, size))[0]
    dataset.SOPInstanceUID, dataset.SOPClassUID = UID(uid), SegmentationStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    dataset.Modality = "SEG"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Jürgen"
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-D1100", "SRT", "Schädel"
    dataset.SegmentSequence = Sequence([item])
    dataset.PixelRepresentation = 1
    dataset.add_new("PixelPaddingValue", "US", 63536)
    noise = np.random.default_rng(1).integers(0, 4096, (size, size), dtype=np.int16)
    dataset.PixelData = noise.tobytes()
    return dataset


def made(storage: Storage, dataset: Dataset) -> bytes:
    """Stored as a result of a job; its bytes."""
    content = part10(dataset)
    storage.generated.store(content, str(dataset.SOPInstanceUID), "result:7")
    # As housekeeping does.
    digest_contents(storage.engine, storage.instances)
    return content


def gone(storage: Storage, dataset: Dataset) -> None:
    """As at the end of its retention."""
    storage.deletions.study(str(dataset.StudyInstanceUID))


def rewritten(content: bytes, folder: Path, program: str, *options: str) -> bytes:
    source, target = folder / "one.dcm", folder / "other.dcm"
    source.write_bytes(content)
    subprocess.run([tool(program, "dcmtk"), *options, source, target], check=True)
    return target.read_bytes()


def changed(content: bytes, **attributes: object) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return part10(dataset)


def source_and_origin(storage: Storage, dataset: Dataset) -> tuple[str, str]:
    instance = storage.index.instance(str(dataset.SOPInstanceUID))
    series = storage.index.series(instance.study_instance_uid, instance.series_instance_uid)
    return instance.source, series.origin


@pytest.mark.parametrize("size", [24, 3000])
def test_what_a_pacs_sends_back_after_retention_is_a_result_again(
    storage: Storage, tmp_path: Path, size: int
) -> None:
    dataset = result(storage, size)
    content = made(storage, dataset)
    for sent in (content, rewritten(content, tmp_path, "dcmconv", "+ti")):
        gone(storage, dataset)
        stream = storage.ingest.open_stream("dimse:PACS")
        for start in range(0, len(sent), 1 << 20):
            stream.write(sent[start : start + (1 << 20)])
        assert stream.finish().outcome == "stored"
        assert source_and_origin(storage, dataset) == ("result:7", "generated")
        # A job that runs again gives the same object, and nobody is alarmed.
        assert uids_of(storage.generated.scheme(uids_of)) == [str(dataset.SOPInstanceUID)]
        assert (
            storage.generated.store(content, str(dataset.SOPInstanceUID), "result:8")[1]
            == "duplicate"
        )
    # So it is in an index that is rebuilt.
    rebuilt_settings = storage.settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'rebuilt.sqlite3'}"}
    )
    reindex(rebuilt_settings, "volumes")
    with open_storage(rebuilt_settings) as rebuilt:
        assert source_and_origin(rebuilt, dataset) == ("result:7", "generated")
        gone(rebuilt, dataset)
        rebuilt.ingest.accept(content, "dimse:PACS")
        assert source_and_origin(rebuilt, dataset) == ("result:7", "generated")


# Digests are compared before a database is asked; the tests beside this one ask both.
@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_encoding_in_which_a_pacs_keeps_it_does_not_matter(
    storage: Storage, tmp_path: Path, way: tuple[str, ...]
) -> None:
    dataset = result(storage)
    content = made(storage, dataset)
    gone(storage, dataset)
    sent = rewritten(content, tmp_path, *way)
    assert sent != content
    storage.ingest.accept(sent, "dimse:PACS")
    assert source_and_origin(storage, dataset) == ("result:7", "generated")


def twice(content: bytes, value: bytes) -> bytes:
    """With another value for Patient Comments before its own: which counts, readers disagree."""
    (start,) = [content.index(b"\x10\x00\x00\x40LT")]
    length = len(value) + len(value) % 2
    return b"".join(
        (
            content[:start],
            b"\x10\x00\x00\x40LT" + length.to_bytes(2, "little") + value.ljust(length),
            content[start:],
        )
    )


def test_a_changed_copy_stays_what_somebody_else_sent(storage: Storage, tmp_path: Path) -> None:
    dataset = result(storage)
    dataset.PatientComments = "as made"
    content = made(storage, dataset)
    pixels = bytearray(dataset.PixelData)
    pixels[-1] ^= 1
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-D1100", "SRT", "Leber"
    for forged in (
        changed(content, PatientName="Meier^Jürgen"),
        changed(content, AccessionNumber="A-2"),
        changed(content, PixelData=bytes(pixels)),
        changed(content, SegmentSequence=Sequence([item])),
        changed(content, SegmentSequence=Sequence([item, *dataset.SegmentSequence])),
        twice(content, b"forged"),
    ):
        assert content_digest(forged) != content_digest(content)
        gone(storage, dataset)
        storage.ingest.accept(forged, "dimse:STRANGER")
        assert source_and_origin(storage, dataset) == ("dimse:STRANGER", "received")
    uid = str(dataset.SOPInstanceUID)
    assert storage.generated.occupied([uid]) == {uid: "dimse:STRANGER"}
    # Each costs a full decode, so after one the next minute knows the very bytes alone.
    gone(storage, dataset)
    storage.ingest.accept(rewritten(content, tmp_path, "dcmconv", "+ti"), "dimse:STRANGER")
    assert source_and_origin(storage, dataset) == ("dimse:STRANGER", "received")
    gone(storage, dataset)
    storage.ingest.accept(content, "dimse:PACS")
    assert source_and_origin(storage, dataset) == ("result:7", "generated")


def test_a_rejection_note_of_the_node_comes_back_as_the_note_of_who_sends_it(
    storage: Storage,
) -> None:
    dataset = result(storage)
    content = part10(dataset)
    storage.generated.store(content, str(dataset.SOPInstanceUID), "rejection:7")
    gone(storage, dataset)
    storage.ingest.accept(content, "dimse:PACS")
    assert source_and_origin(storage, dataset) == ("dimse:PACS", "received")


def test_what_was_made_before_the_upgrade_is_known_too(storage: Storage) -> None:
    dataset = result(storage)
    content = made(storage, dataset)
    config = _config()
    with writing(storage.engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0077")
    upgrade(storage.settings)
    gone(storage, dataset)
    storage.ingest.accept(content, "dimse:PACS")
    assert source_and_origin(storage, dataset) == ("result:7", "generated")


def test_images_that_come_behind_a_returned_result_decide_who_sees_the_study(
    storage: Storage,
) -> None:
    dataset = result(storage)
    content = made(storage, dataset)
    gone(storage, dataset)
    storage.access_groups.add("MR", rule={"Modality": "MR"})
    storage.ingest.accept(content, "dimse:PACS")
    apply_rules(storage, utcnow())
    assert not storage.access_decisions.waiting(1)
    image = t1_head((1, 24, 24))[0]
    image.StudyInstanceUID, image.SeriesInstanceUID = dataset.StudyInstanceUID, UID(new_uid())
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(new_uid())
    storage.ingest.accept(part10(image), "dimse:PACS")
    assert list(storage.access_decisions.waiting(1)) == [str(dataset.StudyInstanceUID)]


def test_one_that_cannot_be_read_or_ends_the_process_holds_no_others_up(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = []
    for number in range(3):
        dataset = result(storage)
        uid = UID(storage.generated.scheme(uids_of).derive("more", str(number)))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        storage.generated.store(part10(dataset), str(uid), "result:7")
        datasets.append(dataset)

    def ends(content: bytes) -> str:
        raise SystemExit

    def left() -> list[str]:
        return [uid for _, uid, _ in without_content_digest(storage.engine, 10)]

    # One whose decoding ends the process is not tried again.
    with monkeypatch.context() as context:
        context.setattr("storage.maintenance.content_digests.content_digest", ends)
        with pytest.raises(SystemExit):
            digest_contents(storage.engine, storage.instances)
    assert left() == [str(one.SOPInstanceUID) for one in datasets[1:]]
    # One that lies where nothing answers is passed over in the next round.
    out_of_reach = str(datasets[1].SOPInstanceUID)
    with writing(storage.engine) as connection:
        connection.execute(
            update(t.instance)
            .where(t.instance.c.sop_instance_uid == out_of_reach)
            .values(volume="", object_key="somewhere")
        )
    bucket = S3Objects(
        Settings(
            object_store="s3",
            s3_endpoint_url=f"http://127.0.0.1:{free_port()}",
            s3_access_key_id="id",
            s3_secret_access_key=SecretStr("secret"),
        )
    )
    reader = InstanceReader(VolumeReader(storage.volumes.folder), bucket)
    progress = Progress()
    with pytest.raises(StorageUnavailable):
        digest_contents(storage.engine, reader, progress=progress)
    digest_contents(storage.engine, reader, progress=progress)
    assert left() == [out_of_reach]


def test_an_sr_has_a_digest_of_its_content() -> None:
    document = Dataset()
    document.SOPClassUID, document.SOPInstanceUID = ComprehensiveSRStorage, new_uid()
    document.StudyInstanceUID, document.SeriesInstanceUID = new_uid(), new_uid()
    item = Dataset()
    item.NumericValue = "1.50"
    document.ContentSequence = Sequence([item])
    document.file_meta = t1_head((1, 2, 2))[0].file_meta
    first = content_digest(part10(document))
    item.NumericValue = "1.5"
    same = content_digest(part10(document))
    item.NumericValue = "1.6"
    assert first == same
    assert first not in ("", content_digest(part10(document)))


def test_nothing_that_arrives_names_itself_as_made_here() -> None:
    assert not is_own("dimse:result:7")
