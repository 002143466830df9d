"""Which studies are in a project, and to which set their patients belong."""

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from inference.projects.finding_criteria import read_criterion
from inference.projects.selection import (
    Preview,
    checked_split,
    cohort,
    matching_studies,
    preview,
)
from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.errors import InvalidRequest, NotFound
from storage.core.findings import Code, Validity
from storage.db.engine import writing
from storage.studies.filter import StudyFilter
from tests.inference.projects.research import exported, filled, project, put
from tests.inference.reports.studies import measured_study


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


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("code=118565006; scheme=SCT; pipeline=brain-volume", ["low", "high", "corrected"]),
        ("label=BRAIN VOLUME; from=1000; to=1300; unit=cm3", ["high", "corrected"]),
        ("label=Brain volume; to=0.95; unit=L", ["low"]),
        # Of another quantity, and of none.
        ("label=Brain volume; from=1; unit=mm", []),
        ("label=Brain volume; from=1", []),
        ("code=118565006; scheme=99OTHER", []),
    ],
)
def test_a_cohort_has_the_findings_that_stand(
    storage: Storage, measured: dict[str, str], criterion: str, found: list[str]
) -> None:
    of_test = StudyFilter(study_date_from=MEASURED_ON, study_date_to=MEASURED_ON)
    names = {uid: name for name, uid in measured.items()}
    chosen = cohort(storage, of_test, [read_criterion(criterion)])
    assert {names[one] for one in chosen} == set(found)
    assert set(chosen) <= set(cohort(storage, StudyFilter(), [read_criterion(criterion)]))


def test_all_criteria_hold_and_a_preview_adds_nothing(
    storage: Storage, measured: dict[str, str]
) -> None:
    criteria = [
        read_criterion(f"label=Brain volume; {one}=1000; unit=cm3") for one in ("from", "to")
    ]
    assert cohort(storage, StudyFilter(), criteria) == []
    research = project(storage)
    put(storage, research, [measured["low"]])
    both = [measured["low"], measured["high"], measured["high"]]
    assert preview(storage.projects, research, both) == Preview(found=2, new=1)
    assert storage.projects.studies(research)[1] == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("from=1; unit=cm3", "is not stated"),
        ("label=Brain volume; from=2; to=1", "range of the finding's value"),
        ("label=Brain volume; from=nan", "range of the finding's value"),
        ("label=Brain volume; to=many", "'to=many' says not"),
        ("Brain volume", "'Brain volume' says not"),
    ],
)
def test_a_criterion_that_asks_for_nothing_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        read_criterion(text)


MEASURED_ON = date(2019, 3, 7)


@pytest.fixture(scope="module")
def measured(storage: Storage) -> dict[str, str]:
    """Studies with a brain volume of some 900 to 1250 cm3, by what is special of each."""
    values = {
        "low": 900.0,
        "high": 1250.0,
        "corrected": 700.0,
        "rejected": 1250.0,
        "truncated": 1250.0,
        "implausible": 1250.0,
        "superseded": 1250.0,
    }
    found = {}
    for seed, (name, value) in enumerate(values.items(), start=100):
        uid = found[name] = measured_study(storage, value, seed=seed, date="20190307")
        (finding,) = storage.findings.of_study(uid)
        if name == "corrected":
            storage.finding_feedback.add(
                finding, "CORRECTED", of_account("a"), value=1.1, unit=Code("L", "UCUM", "liter")
            )
        if name == "rejected":
            storage.finding_feedback.add(finding, "REJECTED", of_account("a"))
        if name in ("truncated", "implausible"):
            state: Any = name
            storage.findings.compare_again([replace(finding, validity=Validity(state))])
        if name == "superseded":
            with writing(storage.engine) as connection:
                of_job = t.job.c.job_id == finding.job_id
                connection.execute(update(t.job).where(of_job).values(ending="superseded"))
    return found
