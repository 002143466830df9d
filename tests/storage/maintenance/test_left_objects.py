"""Nothing of a patient stays in the object store once nothing refers to it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Upload, UploadState
from storage.core.errors import NotFound, StorageUnavailable
from storage.maintenance import left_objects
from storage.maintenance.expiry import remove_expired
from storage.maintenance.left_objects import LeftObjects


def uploaded(storage: Storage, state: UploadState, *, days_ago: float = 30) -> Upload:
    expires_at = utcnow() - timedelta(days=days_ago)
    upload = storage.uploads.create("a.png", "image/png", expires_at)
    storage.objects.put(upload.object_key, b"a patient's")
    storage.uploads.set_state(upload.upload_id, state)
    return upload


def looked(storage: Storage, monkeypatch: pytest.MonkeyPatch, *, days: int) -> list[str]:
    """What is left after so many days, in which all was looked at some at a time."""
    monkeypatch.setattr(left_objects, "_KEYS_AT_ONCE", 2)
    monkeypatch.setattr(left_objects, "_EVERY_S", 0.0)
    left = LeftObjects(storage.engine, storage.objects, storage.settings.upload_retention_s)
    for _ in range(days):
        left.remove_some()
        while left._keys is not None:
            left.remove_some()
    return list(storage.objects.list(""))


def test_uploads_that_ended_go_and_those_that_a_job_reads_stay(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: tuple[UploadState, ...] = ("ACCEPTED", "REFUSED", "ABORTED", "EXPIRED")
    gone = [uploaded(storage, state) for state in ended]
    kept = [
        uploaded(storage, "EXPIRED", days_ago=0.1),
        uploaded(storage, "RECEIVED"),
        uploaded(storage, "ACCEPTED"),
    ]
    storage.jobs.schedule("p", "1", "", "", "f", input_object_key=kept[-1].object_key)
    others = ["uploads/notes.txt", f"uploads/{uuid4()}", f"{kept[-1].object_key}.started.json"]
    for key in others:
        storage.objects.put(key, b"another's")
    left = looked(storage, monkeypatch, days=1)
    assert sorted(left) == sorted([*others, *(one.object_key for one in kept)])
    assert not {one.object_key for one in gone} & set(left)


def test_parts_of_an_upload_that_ended_go(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = str(uuid4())
    multipart_id = storage.objects.begin_parts(f"uploads/{upload_id}", "application/zip")
    upload = storage.uploads.create(
        "a.zip",
        "application/zip",
        utcnow() - timedelta(days=20),
        upload_id=upload_id,
        multipart_id=multipart_id,
    )
    looked(storage, monkeypatch, days=1)
    assert storage.objects.parts(upload.object_key, multipart_id) == []
    # The process was killed before it dropped them.
    storage.uploads.set_state(upload.upload_id, "EXPIRED")
    looked(storage, monkeypatch, days=1)
    with pytest.raises(NotFound):
        storage.objects.parts(upload.object_key, multipart_id)


def test_parts_at_a_store_that_was_in_use_before_keep_nothing_else(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_objects, "_UPLOADS_AT_ONCE", 2)
    gone = uploaded(storage, "EXPIRED")
    uploads = [str(uuid4()) for _ in range(5)]
    for number, upload_id in enumerate(uploads):
        storage.uploads.create(
            "a.zip",
            "application/zip",
            utcnow() - timedelta(days=20, minutes=number),
            upload_id=upload_id,
            multipart_id=f"2~not.of/this store {number}",
        )
        storage.uploads.set_state(upload_id, "EXPIRED")
    for round_number in range(1, 4):
        left = looked(storage, monkeypatch, days=1)
        dropped = [one for one in uploads if not storage.uploads.get(one).multipart_id]
        assert len(dropped) == min(2 * round_number, 5)
    assert gone.object_key not in left


def test_documents_without_a_question_go_and_a_new_one_waits_for_its_own(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan, asked = f"documents/{uuid4()}", f"documents/{uuid4()}"
    for key in (orphan, asked):
        storage.objects.put(key, b"a patient's")
    storage.answers.ask("docqa", {"question": "?"}, version="1", object_key=asked)
    assert sorted(looked(storage, monkeypatch, days=1)) == sorted((orphan, asked))
    assert looked(storage, monkeypatch, days=2) == [asked]


def test_label_pictures_go_with_their_job(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = storage.jobs.schedule("p", "1", "", "", "f")
    kept, gone = f"label-pictures/{job.job_id}.png", f"label-pictures/{uuid4()}.png"
    for key in (kept, gone):
        storage.objects.put(key, b"")
    assert looked(storage, monkeypatch, days=1) == [kept]


def test_a_document_goes_before_its_question_which_finds_it_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"documents/{uuid4()}"
    storage.objects.put(key, b"a patient's")
    job = storage.answers.ask("docqa", {"question": "?"}, version="1", object_key=key)
    for _ in range(2):
        uploaded(storage, "RECEIVED", days_ago=0.1)
    settings = storage.settings
    kept_for_s = max(settings.answer_retention_s, settings.event_retention_s)
    later = utcnow() + timedelta(seconds=kept_for_s + 1)

    def away(_: str) -> None:
        raise StorageUnavailable("The bucket does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(storage.objects, "delete", away)
        with pytest.raises(StorageUnavailable):
            remove_expired(storage, later)
    assert storage.objects.exists(key)
    # What lies elsewhere does not wait for it; the newest event keeps the count.
    assert storage.events.oldest_id() == storage.events.last_id()
    remove_expired(storage, later)
    assert not storage.objects.exists(key)
    with pytest.raises(NotFound):
        storage.jobs.get(job.job_id)
