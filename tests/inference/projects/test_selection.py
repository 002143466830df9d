"""Which studies are in a project, and to which set their patients belong."""

import uuid

import pytest

from inference.projects.selection import (
    checked_split,
    matching_studies,
)
from storage.container import Storage
from storage.core.errors import InvalidRequest, NotFound
from storage.studies.filter import StudyFilter
from tests.inference.projects.research import exported, filled, project, put


def test_without_consent_and_without_the_study_nothing_leaves(storage: Storage) -> None:
    research = project(storage, needs_consent=True)
    agreed, open_, gone = filled(storage, 3)
    put(storage, research, [agreed])
    put(storage, research, [open_, gone], has_consent=False)
    storage.deletions.study(gone)
    export, folder = exported(storage, research)
    reasons = {
        one.study_instance_uid: one.reason
        for one in storage.project_exports.instances(export.export_id, refused=True)
    }
    assert "No consent is recorded" in reasons[open_]
    assert "no longer on this node" in reasons[gone]
    assert len(list(folder.rglob("*.dcm"))) == 2
    assert put(storage, research, [open_]) == 0
    _, folder = exported(storage, research)
    assert len(list(folder.rglob("*.dcm"))) == 4


def test_patients_are_split_by_the_key_and_stay_together(storage: Storage) -> None:
    research = project(storage, split=checked_split([50, 25, 25]))
    for number in range(4):
        name = f"ID-{number}-{uuid.uuid4().hex[:8]}"
        put(storage, research, filled(storage, PatientID=name, PatientName=f"Qv^{name}"))
    _, folder = exported(storage, research)
    rows = dict(line.split(",") for line in (folder / "patients.csv").read_text().splitlines()[1:])
    assert len(rows) == 4
    _, again = exported(storage, research)
    assert (again / "patients.csv").read_bytes() == (folder / "patients.csv").read_bytes()


@pytest.mark.parametrize("shares", [[70, 20], [70, 20, 20], [110, -10, 0]])
def test_a_split_that_does_not_add_up_is_refused(shares: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="add up to 100"):
        checked_split(shares)


def test_studies_are_asked_for_by_something(storage: Storage) -> None:
    with pytest.raises(InvalidRequest, match="not stated"):
        matching_studies(storage.index, StudyFilter())
    (uid,) = filled(storage, AccessionNumber="ACC-8811")
    assert matching_studies(storage.index, StudyFilter(accession_number="ACC-8811")) == [uid]
    with pytest.raises(NotFound):
        put(storage, project(storage), ["1.2.3"])
