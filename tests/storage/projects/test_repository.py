"""Projects and their exports in either database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable
from storage.projects.entities import ExportCounts, ExportedInstance, Project, ProjectStudy, Split
from storage.settings import Settings


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as opened:
        yield opened


def created(storage: Storage, name: str = "stroke") -> Project:
    return storage.projects.create(
        name,
        ["retain-uids"],
        needs_consent=True,
        split=Split(70, 20, 10),
        created_by="me",
        now=utcnow(),
    )


def test_a_project_its_studies_and_its_exports(storage: Storage) -> None:
    project = created(storage)
    assert storage.projects.get("stroke") == storage.projects.by_id(project.project_id) == project
    with pytest.raises(InvalidRequest, match="There is a project stroke already"):
        created(storage)
    study = ProjectStudy("1.2.3", "key", False, "me", utcnow())
    assert storage.projects.add(project, [study]) == 1
    agreed = ProjectStudy("1.2.3", "key", True, "you", utcnow())
    assert storage.projects.add(project, [agreed]) == 0
    ((found,), total) = storage.projects.studies(project)
    assert (found.has_consent, found.added_by, total) == (True, "me", 1)

    exports = storage.project_exports
    asked = exports.add(project, "out", "me")
    now = utcnow()
    taken = exports.claim_due("one", 30, now)
    assert taken is not None
    assert taken.export_id == asked.export_id
    assert exports.claim_due("two", 30, now) is None
    assert exports.renew(asked.export_id, "one", 30, now)
    left = ExportedInstance("1.2.3.4", "1.2.3", "P/1.dcm", "a" * 64, 12)
    exports.record(asked.export_id, left)
    exports.record(asked.export_id, ExportedInstance("1.2.3.4", "1.2.3", reason="later"))
    exports.record(asked.export_id, ExportedInstance("1.2.3.5", "1.2.3", reason="why"))
    assert exports.settled(asked.export_id, "1.2.3") == {"1.2.3.4", "1.2.3.5"}
    assert exports.counts(asked.export_id) == ExportCounts(1, 1, 12)
    assert exports.instances(asked.export_id, refused=False) == [left]
    # The process of the first one was killed.
    assert exports.claim_due("two", 30, now + timedelta(minutes=2)) is not None
    exports.done(asked.export_id, "one")
    assert exports.get(asked.export_id).state == "RUNNING"
    exports.done(asked.export_id, "two")
    assert exports.get(asked.export_id).state == "DONE"

    storage.projects.remove(project, "1.2.3")
    with pytest.raises(NotFound, match="is not in project stroke"):
        storage.projects.remove(project, "1.2.3")
    storage.projects.delete(project)
    with pytest.raises(NotFound):
        exports.get(asked.export_id)
    assert storage.projects.page(10, 0) == ([], 0)


def test_a_project_whose_key_is_lost_makes_no_other_pseudonyms(storage: Storage) -> None:
    created(storage)
    (storage.settings.data_dir / "sealing.key").unlink()
    with pytest.raises(StorageUnavailable, match="key of project stroke cannot be read"):
        storage.projects.get("stroke")
