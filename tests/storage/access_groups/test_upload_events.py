"""Events of an upload are for who uploads, as the upload itself is."""

from datetime import timedelta

from storage.container import Storage
from storage.core.callers.identity import Identity
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.clock import utcnow


def uploads_seen_by(storage: Storage, who: Visibility | None) -> set[str]:
    with limited_to(who):
        events = storage.events.since(0)
    return {str(one.payload["upload_id"]) for one in events if one.topic == "upload"}


def test_nobody_of_another_group_hears_of_an_upload(storage: Storage) -> None:
    ends = utcnow() + timedelta(hours=1)
    own = storage.uploads.create(
        "a.zip", "application/zip", ends, created_by=Identity("account", "ann", "ann")
    )
    free = storage.uploads.create("b.zip", "application/zip", ends)
    for one in (own, free):
        storage.uploads.progress(one.upload_id, 1, 2)
    uploader = Visibility("account:ann", (EVERYONE,), sees_unmatched=True)
    stranger = Visibility("account:eve", (EVERYONE,), sees_unmatched=True)
    assert uploads_seen_by(storage, uploader) == {own.upload_id, free.upload_id}
    assert uploads_seen_by(storage, stranger) == {free.upload_id}
    assert uploads_seen_by(storage, None) == {own.upload_id, free.upload_id}
