"""The reason for an examination stands in a report only where all its readers see the order."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.clock import utcnow
from storage.worklist.entities import WorklistItem
from tests.inference.reports.studies import drafted, lungs_measured, opened
from tests.inference.reports.test_deleted_prior import texts

REASON = "Known lymphoma, under treatment"


def order(
    storage: Storage, study: str, study_instance_uid: str, for_groups: Sequence[str] = ()
) -> WorklistItem:
    """Of the study's accession number and patient, under a Study Instance UID of its own."""
    about = storage.index.study(study)
    return storage.worklist.add(
        {
            "StudyInstanceUID": study_instance_uid,
            "AccessionNumber": about.accession_number,
            "PatientID": about.patient_id,
            "ReasonForTheRequestedProcedure": REASON,
            "RequestedProcedureDescription": " ".join(for_groups),
            "ScheduledProcedureStepSequence": [],
        }
    )


def groups(storage: Storage) -> None:
    for name in ("Radiology", "Oncology"):
        ordered = {"RequestedProcedureDescription": {"contains": name.lower()}}
        storage.access_groups.add(name, "", ordered)
        storage.access_groups.add_member(name, Member("account", name.lower()))


def enforced(storage: Storage) -> None:
    apply_rules(storage, utcnow())
    storage.access_groups.enforce(wanted=True)


@pytest.mark.parametrize(
    ("of_study", "of_order", "is_stated"),
    [
        (("Radiology",), ("Radiology",), True),
        (("Radiology",), ("Radiology", "Oncology"), True),
        (("Radiology",), ("Oncology",), False),
        (("Radiology", "Oncology"), ("Oncology",), False),
        # No rule is for the order: administrators alone see it.
        (("Radiology",), (), False),
    ],
)
def test_a_reason_is_stated_where_all_readers_see_the_order(
    tmp_path: Path, of_study: tuple[str, ...], of_order: tuple[str, ...], is_stated: bool
) -> None:
    with opened(tmp_path) as storage:
        groups(storage)
        storage.access_groups.give_unmatched_to("administrators")
        study = lungs_measured(storage, 1, "20250110", "B30f", 3.0)
        order(storage, study, "2.25.77", of_order)
        for name in of_study:
            storage.access_groups.assign(name, study)
        enforced(storage)
        assert (REASON in texts(drafted(storage, study))) == is_stated


def test_an_order_that_names_the_study_is_its_order(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        groups(storage)
        study = lungs_measured(storage, 1, "20250110", "B30f", 3.0)
        order(storage, study, study)
        storage.access_groups.assign("Radiology", study)
        enforced(storage)
        assert REASON in texts(drafted(storage, study))


def test_an_order_is_nobodys_reason_until_the_rules_have_decided_on_it(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        groups(storage)
        study = lungs_measured(storage, 1, "20250110", "B30f", 3.0)
        storage.access_groups.give_unmatched_to("everyone")
        storage.access_groups.assign("Radiology", study)
        enforced(storage)
        drafted(storage, study)
        order(storage, study, "2.25.78")
        assert REASON not in texts(drafted(storage, study))

        apply_rules(storage, utcnow())
        # The draft is due again by itself.
        assert REASON in texts(drafted(storage, study))


def test_rules_ask_again_for_orders_by_number_once_the_studys_groups_are_decided(
    tmp_path: Path,
) -> None:
    """Before, a rule over such an order was asked once, when nobody was known to see the study."""
    with opened(tmp_path) as storage:
        groups(storage)
        study = lungs_measured(storage, 1, "20250110", "B30f", 3.0)
        order(storage, study, "2.25.79", ("Radiology",))
        storage.access_groups.add("All CT", "", {"Modality": "CT"})
        enforced(storage)
        for due in storage.due_for_orders.due(utcnow(), 10):
            storage.due_for_orders.done(due)
        storage.access_groups.change("All CT", description="", rule={"Modality": ["CT", "PT"]})
        apply_rules(storage, utcnow())
        assert [one.study_instance_uid for one in storage.due_for_orders.due(utcnow(), 10)] == [
            study
        ]


def test_of_a_study_without_such_orders_nothing_is_asked_again(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        groups(storage)
        study = lungs_measured(storage, 1, "20250110", "B30f", 3.0)
        order(storage, study, study)
        enforced(storage)
        for due in storage.due_for_orders.due(utcnow(), 10):
            storage.due_for_orders.done(due)
        storage.access_groups.add("All CT", "", {"Modality": "CT"})
        storage.worklist.mark_study_of_orders(study)
        assert storage.due_for_orders.due(utcnow(), 10) == []
