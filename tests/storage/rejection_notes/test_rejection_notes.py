"""Hiding what a note rejects, on each kind of database."""

from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from tests.storage.instances import part10

STUDY = str(derive_uid("test", "study"))


def shown(storage: Storage) -> int:
    return storage.index.study(STUDY).instance_count


def test_what_a_note_rejects_is_hidden_and_shown_again(storage: Storage) -> None:
    for instance in ("a", "b", "c"):
        storage.ingest.accept(part10(series="images", instance=instance), "test")
    storage.ingest.accept(
        part10(
            series="note",
            instance="note",
            Modality="KO",
            SOPClassUID=KeyObjectSelectionDocumentStorage,
        ),
        "test",
    )
    (note,) = storage.rejection_notes.unread(10)
    uids = [str(derive_uid("test", "study", "images", one)) for one in ("b", "c", "later")]
    storage.rejection_notes.read(note, "113001", uids, utcnow())
    assert storage.rejection_notes.unread(10) == []
    assert [one.instances for one in storage.rejection_notes.apply(utcnow())] == [2]
    assert storage.rejection_notes.apply(utcnow()) == []
    assert shown(storage) == 2
    storage.ingest.accept(part10(series="images", instance="later"), "test")
    assert [one.instances for one in storage.rejection_notes.apply(utcnow())] == [1]
    storage.deletions.instance(str(derive_uid("test", "study", "images", "a")))
    assert [one.modality for one in storage.index.series_of(STUDY)] == ["KO"]
    storage.deletions.instance(note.sop_instance_uid)
    assert shown(storage) == 3
    (series,) = storage.index.series_of(STUDY)
    assert (series.state, series.instance_count) == ("RECEIVING", 3)


def test_a_note_of_another_study_does_not_keep_an_image_hidden(storage: Storage) -> None:
    storage.ingest.accept(part10(series="images", instance="a"), "test")
    for study in ("study", "other"):
        file = part10(
            study,
            series="note",
            instance="note",
            Modality="KO",
            SOPClassUID=KeyObjectSelectionDocumentStorage,
        )
        storage.ingest.accept(file, "test")
    image = str(derive_uid("test", "study", "images", "a"))
    for note in storage.rejection_notes.unread(10):
        storage.rejection_notes.read(note, "113001", [image], utcnow())
    assert [one.instances for one in storage.rejection_notes.apply(utcnow())] == [1]
    storage.deletions.instance(str(derive_uid("test", "study", "note", "note")))
    assert storage.index.instance(image).study_instance_uid == STUDY
