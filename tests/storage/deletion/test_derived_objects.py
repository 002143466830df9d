"""What was made of a deleted study goes, also where its deletion was cut off."""

from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.deletion import service
from storage.maintenance import left_objects
from storage.maintenance.housekeeping import Housekeeper
from tests.storage.instances import part10


def test_a_deletion_that_was_cut_off_leaves_nothing_that_was_made_of_the_study(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = storage.ingest.accept(part10(study="gone"), "stow").study_instance_uid
    kept = storage.ingest.accept(part10(study="kept"), "stow").study_instance_uid
    for study in (gone, kept):
        for number in range(3):
            storage.objects.put(f"metadata/v1/{study}/1.{number}.gz", b"headers")
    storage.objects.put(f"derived/{gone}/other", b"of another tool")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(service, "remove_derived", killed)
        with pytest.raises(KeyboardInterrupt):
            storage.deletions.study(gone)
    with pytest.raises(NotFound):
        storage.deletions.study(gone)
    monkeypatch.setattr(left_objects, "_KEYS_AT_ONCE", 3)
    housekeeper = Housekeeper(storage)
    for minute in range(4):
        housekeeper.round(utcnow() + timedelta(minutes=minute))
    left = [key for key in storage.objects.list("") if key.startswith("metadata")]
    assert len(left) == 3
    assert not [key for key in left if gone in key]
    assert storage.objects.exists(f"derived/{gone}/other")
