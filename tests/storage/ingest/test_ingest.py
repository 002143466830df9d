"""The one door: durable, indexed, once; on both databases and both object stores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from storage import tables
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidInstance, LimitExceeded, NotFound, NotStorable
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.ingest.service import Ingest
from storage.maintenance.object_upload import is_behind, upload_instances
from storage.objects.keys import object_key
from storage.reconciliation.reconcile import reconcile
from storage.volumes.scan import volumes_in
from storage.volumes.writer import VolumeWriter
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")


def test_what_was_accepted_comes_back_byte_for_byte(storage: Storage) -> None:
    content = part10()
    accepted = storage.ingest.accept(content, "stow")
    assert accepted.outcome == "stored"
    instance = storage.index.instance(accepted.sop_instance_uid)
    assert storage.instances.read(instance) == content
    assert storage.instances.read(instance, 128, 4) == b"DICM"
    assert storage.instances.open(instance).read() == content
    study = storage.index.study(STUDY)
    assert (study.patient_name, study.series_count, study.instance_count) == ("Müller^Jürgen", 1, 1)
    assert study.modalities == ("MR",)


def test_the_same_instance_again_is_kept_once_even_under_another_file_meta(
    storage: Storage,
) -> None:
    content = part10()
    storage.ingest.accept(content, "stow")
    assert storage.ingest.accept(content, "stow").outcome == "duplicate"
    dataset = content[content.index(b"\x08\x00\x05\x00") :]
    again = storage.ingest.accept_dimse(
        dataset,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        sop_instance_uid=derive_uid("test", "study", "series", "instance"),
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        calling_ae_title="MODALITY",
    )
    assert again.outcome == "duplicate"
    assert storage.index.study(STUDY).instance_count == 1


def test_the_same_uid_with_other_bytes_is_kept_aside_and_the_first_stays(
    storage: Storage,
) -> None:
    first = part10()
    storage.ingest.accept(first, "stow")
    second = storage.ingest.accept(part10(PatientID="P2"), "stow")
    assert second.outcome == "conflict"
    assert storage.instances.read(storage.index.instance(second.sop_instance_uid)) == first
    with reading(storage.engine) as connection:
        assert len(connection.execute(select(tables.conflict)).all()) == 1


def test_a_conflict_begins_no_study_that_has_no_instance(storage: Storage) -> None:
    first = storage.ingest.accept(part10(instance="1"), "stow")
    events = storage.events.last_id()
    other = part10(instance="1", study="other", SOPInstanceUID=first.sop_instance_uid)
    assert storage.ingest.accept(other, "stow").outcome == "conflict"
    (study,), _ = storage.index.studies(10, 0, "")
    assert study.study_instance_uid == first.study_instance_uid
    assert storage.events.last_id() == events


def test_a_refused_instance_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(InvalidInstance):
        storage.ingest.accept(part10()[:-4], "stow")
    uid = derive_uid("test", "study", "series", "instance").encode()
    path = b"../../etc/passwd".ljust(len(uid), b"x")
    with pytest.raises(InvalidInstance, match="SOPInstanceUID"):
        storage.ingest.accept(part10().replace(uid, path), "stow")
    small = Ingest(storage.engine, storage.volumes, max_instance_bytes=100)
    with pytest.raises(LimitExceeded, match="limit is 100"):
        small.accept(part10(), "stow")
    with pytest.raises(NotFound):
        storage.index.study(STUDY)


def test_what_is_no_storage_class_is_refused_at_every_door(storage: Storage) -> None:
    verification = part10(SOPClassUID="1.2.840.10008.1.1")
    with pytest.raises(NotStorable, match=r"1\.2\.840\.10008\.1\.1 is not a storage SOP class"):
        storage.ingest.accept(verification, "upload:1")
    stream = storage.ingest.open_stream("stow")
    stream.write(memoryview(verification))
    with pytest.raises(NotStorable):
        stream.finish()
    assert storage.index.study_count() == 0


def test_studies_without_patient_id_are_not_made_one_patient(storage: Storage) -> None:
    for study in ("a", "b"):
        storage.ingest.accept(part10(study=study, PatientID="", PatientName=study), "stow")
    names = {study.patient_name for study in storage.index.studies(10, 0)[0]}
    assert names == {"a", "b"}


def test_studies_of_two_people_with_one_patient_id_are_not_made_one_patient(
    storage: Storage,
) -> None:
    lena: dict[str, Any] = {"PatientName": "Link^Lena", "PatientSex": "F"}
    sent: dict[str, dict[str, Any]] = {
        "first": {**lena, "PatientBirthDate": "19500301"},
        "without-birth-date": {**lena, "PatientBirthDate": "", "PatientName": "LINK^LENA^^^"},
        "married": {**lena, "PatientBirthDate": "19500301", "PatientName": "Neu^Lena"},
        "stranger": {"PatientName": "Fremd^Frieda", "PatientSex": "F", "PatientBirthDate": ""},
        "namesake": {**lena, "PatientBirthDate": "19871224"},
        "stranger-again": {"PatientName": "Fremd^Frieda", "PatientBirthDate": ""},
        "other-sex": {**lena, "PatientBirthDate": "", "PatientSex": "M"},
    }
    for study, values in sent.items():
        storage.ingest.accept(part10(study=study, PatientID="4711", **values), "stow")
        storage.ingest.accept(part10(study=study, series="2", PatientID="4711", **values), "stow")
    people: dict[str, set[str]] = {}
    for study in sent:
        key = storage.index.patient_key(str(derive_uid("test", study)))
        people.setdefault(key, set()).add(study)
    assert list(people.values()) == [
        {"first", "without-birth-date", "married"},
        {"stranger", "stranger-again"},
        {"namesake"},
        {"other-sex"},
    ]
    # Each is listed as it names its patient itself.
    for study, values in sent.items():
        one = storage.index.study(str(derive_uid("test", study)))
        assert one.patient_name == values["PatientName"]
        assert one.patient_birth_date == values["PatientBirthDate"]


def test_four_senders_at_once_lose_nothing(storage: Storage) -> None:
    names = [f"{series}-{number}" for series in range(4) for number in range(40)]

    def send(name: str) -> str:
        content = part10(series=name.split("-", maxsplit=1)[0], instance=name)
        return storage.ingest.accept(content, "dimse:A").outcome

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, names)) == ["stored"] * len(names)
    instances = storage.index.instances_of(STUDY)
    assert len(instances) == len(names)
    for instance in instances:
        assert storage.instances.dataset(instance).SOPInstanceUID == instance.sop_instance_uid


def test_a_series_completes_when_quiet_and_opens_again_for_a_late_instance(
    storage: Storage,
) -> None:
    storage.ingest.accept(part10(instance="1"), "stow")
    (series,) = storage.index.quiet_series(utcnow(), 0.0, 3600)
    storage.ingest.accept(part10(instance="2"), "stow")
    assert storage.index.mark_complete(series, utcnow()) is None, "an instance came meanwhile"
    (series,) = storage.index.quiet_series(utcnow(), 0.0, 3600)
    complete = storage.index.mark_complete(series, utcnow())
    assert complete is not None
    assert complete.state == "COMPLETE"
    assert storage.index.quiet_series(utcnow(), 0.0, 3600) == []
    storage.ingest.accept(part10(instance="late"), "stow")
    (grown,) = storage.index.series_of(STUDY)
    revised = storage.index.mark_complete(grown, utcnow())
    assert revised is not None
    assert revised.fingerprint != complete.fingerprint


def test_records_without_rows_get_their_rows_back(storage: Storage) -> None:
    """As after a power cut that took SQLite's last transactions."""
    accepted = [storage.ingest.accept(part10(instance=str(n)), "dimse:A") for n in range(5)]
    with writing(storage.engine) as connection:
        connection.execute(delete(tables.instance))
        connection.execute(delete(tables.series))
        connection.execute(delete(tables.study))
    folder = storage.settings.data_dir / "volumes"
    assert reconcile(storage.engine, folder) == 0, "a live volume is left alone"
    _close_volumes(storage)
    assert reconcile(storage.engine, folder) == 5
    assert reconcile(storage.engine, folder) == 0
    for one in accepted:
        assert storage.index.instance(one.sop_instance_uid).source == "dimse:A"


def test_a_torn_tail_is_passed_over_and_what_stood_before_it_is_found(storage: Storage) -> None:
    storage.ingest.accept(part10(instance="whole"), "stow")
    torn = storage.ingest.accept(part10(instance="torn"), "stow")
    _close_volumes(storage)
    (volume,) = volumes_in(storage.settings.data_dir / "volumes")
    volume.write_bytes(volume.read_bytes()[:-3])
    with writing(storage.engine) as connection:
        connection.execute(delete(tables.instance))
    assert reconcile(storage.engine, volume.parent) == 1
    with pytest.raises(NotFound):
        storage.index.instance(torn.sop_instance_uid)


def test_instances_settle_in_the_object_store_where_other_tools_read_them(
    storage: Storage, tmp_path: Path
) -> None:
    content = part10()
    accepted = storage.ingest.accept(content, "stow")
    assert is_behind(storage.engine)
    assert upload_instances(storage.engine, storage.instances, storage.objects, limit=10) == 1
    assert not is_behind(storage.engine)
    instance = storage.index.instance(accepted.sop_instance_uid)
    assert storage.objects.get(object_key(instance)) == content
    _close_volumes(storage)
    for volume in volumes_in(storage.settings.data_dir / "volumes"):
        volume.unlink()
    assert storage.instances.read(instance, 128, 4) == b"DICM", "the bucket stands in"


def _close_volumes(storage: Storage) -> None:
    writer = storage.ingest._volumes
    assert isinstance(writer, VolumeWriter)
    writer.close()
    storage.instances._volumes.close()


def test_a_series_that_never_rests_is_forced_and_again_only_after_as_long(
    storage: Storage,
) -> None:
    storage.ingest.accept(part10(instance="1"), "stow")
    later = utcnow() + timedelta(hours=2)
    (series,) = storage.index.quiet_series(later, 1e9, 3600)
    assert storage.index.mark_complete(series, later) is not None
    storage.ingest.accept(part10(instance="2"), "stow")
    assert storage.index.quiet_series(later + timedelta(minutes=1), 1e9, 3600) == []
    assert storage.index.quiet_series(later + timedelta(minutes=61), 1e9, 3600) != []
