"""Exports that are interrupted, or changed while they run, end as they should."""

import csv

import pytest
from sqlalchemy import update

from inference.projects.certificate import verify_folder
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.projects.exports import ProjectExports
from tests.inference.projects.research import filled, project, put
from tests.inference.reports.studies import measured_study


def test_consent_withdrawn_and_a_study_removed_while_an_export_runs_count(
    storage: Storage, out: str
) -> None:
    research = project(storage, needs_consent=True)
    first, withdrawn, removed = filled(storage, 3)
    put(storage, research, [first])
    put(storage, research, [withdrawn])
    put(storage, research, [removed])
    looks = iter(range(100))

    def meanwhile() -> bool:
        if next(looks) == 3:
            put(storage, research, [withdrawn], has_consent=False)
            storage.projects.remove(research, removed)
        return False

    asked = storage.project_exports.add(research, out, "me")
    assert export_due(storage, "test", meanwhile) == 1
    files = storage.project_exports.instances(asked.export_id, refused=False)
    assert {one.study_instance_uid for one in files} == {first}


def test_an_export_that_ended_just_before_it_was_done_is_finished(
    storage: Storage, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    research = project(storage)
    put(storage, research, [measured_study(storage, 1234.5, seed=2)])
    asked = storage.project_exports.add(research, out, "me")
    with monkeypatch.context() as patch:
        patch.setattr(ProjectExports, "done", _killed)
        with pytest.raises(KeyboardInterrupt):
            export_due(storage, "first")
    with writing(storage.engine) as connection:
        connection.execute(
            update(t.project_export)
            .where(t.project_export.c.export_id == asked.export_id)
            .values(state="PENDING", lease_owner="", next_attempt_at=utcnow())
        )
    assert export_due(storage, "second") == 1
    folder = checked_folder(storage.settings, out)
    assert not (folder / ".export").exists()
    (row,) = csv.DictReader((folder / "measurements.csv").read_text().splitlines())
    assert row["value"] == "1234.5"


def test_an_export_that_ends_each_process_is_given_up_until_somebody_retries(
    storage: Storage, out: str
) -> None:
    research = project(storage)
    put(storage, research, filled(storage, 1))
    asked = storage.project_exports.add(research, out, "me")
    for _ in range(5):
        # Its lease is over at once, as that of a process which was killed.
        assert storage.project_exports.claim_due("killed", -1, utcnow()) is not None
    assert export_due(storage, "next") == 0
    given_up = storage.project_exports.get(asked.export_id)
    assert given_up.state == "FAILED"
    assert "ended in the middle" in given_up.last_error
    storage.project_exports.retry(asked.export_id)
    assert export_due(storage, "next") == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_export_that_was_interrupted_goes_on_where_it_was(storage: Storage, out: str) -> None:
    research = project(storage)
    put(storage, research, filled(storage, 2))
    asked = storage.project_exports.add(research, out, "me")
    calls = iter([False] * 5)
    assert export_due(storage, "first", lambda: next(calls, True)) == 0
    halfway = storage.project_exports.get(asked.export_id)
    assert (halfway.state, storage.project_exports.counts(asked.export_id).exported) == (
        "PENDING",
        2,
    )
    folder = checked_folder(storage.settings, out)
    before = {one: one.stat().st_mtime_ns for one in folder.rglob("*.dcm")}
    assert export_due(storage, "second") == 1
    assert len(list(folder.rglob("*.dcm"))) == 4
    assert all(one.stat().st_mtime_ns == at for one, at in before.items())
    assert verify_folder(folder, "") == []
