"""Studies on the list of those whose priors are looked for, on each kind of database."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from storage.access_groups.decisions import Decision
from storage.container import Storage
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.storage.instances import part10

PERSON = Demographics("Müller^Jürgen")


def received(storage: Storage, study: str, date: str, **changes: object) -> str:
    content = part10(study, StudyDate=date, StudyTime="101500", **changes)
    storage.ingest.accept(content, "dimse:TEST")
    return str(derive_uid("test", study))


def complete(storage: Storage, study: str) -> None:
    for series in storage.index.series_of(study):
        assert storage.index.mark_complete(series, utcnow())


def taken_off(storage: Storage) -> list[str]:
    """The studies on the list, which are taken off it."""
    due = storage.due_for_priors.due(utcnow(), 100)
    for one in due:
        storage.due_for_priors.done(one)
    return sorted(one.study_instance_uid for one in due)


def test_a_complete_series_may_be_a_prior_of_what_is_later_and_of_its_modality(
    storage: Storage,
) -> None:
    now = received(storage, "now", "20260201")
    of_that_day = received(storage, "same day", "20250101")
    for name, changes in (
        ("earlier", {"date": "20240101"}),
        ("undated", {"date": ""}),
        ("of another kind", {"date": "20260301", "Modality": "CT"}),
        ("another's", {"date": "20260301", "PatientID": "P2"}),
    ):
        received(storage, name, **changes)  # type: ignore[arg-type]
    assert taken_off(storage) == []
    before = received(storage, "before", "20250101")
    # Somebody who may not see the later studies completes it.
    group = storage.access_groups.add("North").group_id
    storage.access_decisions.decide(before, Decision(1, (group,)))
    taken_off(storage)
    with limited_to(Visibility("account:ada", (group,), sees_unmatched=False)):
        complete(storage, before)
    assert taken_off(storage) == sorted([now, of_that_day])


def test_nobody_without_a_patient_id_has_earlier_studies(storage: Storage) -> None:
    received(storage, "now", "20260201", PatientID="")
    complete(storage, received(storage, "before", "20250101", PatientID=""))
    assert taken_off(storage) == []


def test_what_is_marked_meanwhile_or_failed_stays_on_the_list(storage: Storage) -> None:
    now = received(storage, "now", "20260201")
    complete(storage, received(storage, "before", "20250101"))
    (due,) = storage.due_for_priors.due(utcnow(), 100)
    complete(storage, received(storage, "another", "20250102"))
    storage.due_for_priors.done(due)
    (due,) = storage.due_for_priors.due(utcnow(), 100)
    again_at = utcnow().replace(year=2100)
    storage.due_for_priors.failed(due, again_at)
    assert storage.due_for_priors.due(utcnow(), 100) == []
    (failed,) = storage.due_for_priors.due(again_at, 100)
    assert (failed.study_instance_uid, failed.attempts) == (now, 1)
    complete(storage, received(storage, "one more", "20250103"))
    (due,) = storage.due_for_priors.due(utcnow(), 100)
    assert due.attempts == 0, "news are looked at at once"
    storage.deletions.study(now)
    assert storage.due_for_priors.due(again_at, 100) == []


def _moved(storage: Storage, before: str) -> None:
    storage.patient_changes.record(
        [Statement("move", PatientKey("P1", ""), PERSON, study_instance_uid=before)],
        Origin("ada", "account:1", reason="wrong"),
        utcnow(),
    )


def _merged(storage: Storage, before: str) -> None:
    storage.patient_changes.record(
        [Statement("merge", PatientKey("P1", ""), PERSON, PatientKey("P2", ""))],
        Origin("ADT", sender="HIS", control_id="1", trigger_event="A40"),
        utcnow(),
    )


@pytest.mark.parametrize("change", [_moved, _merged])
def test_a_patient_who_gets_another_study_has_more_priors(
    storage: Storage, change: Callable[[Storage, str], None]
) -> None:
    now = received(storage, "now", "20260201", PatientID="P1")
    received(storage, "long ago", "20200101", PatientID="P1")
    before = received(storage, "before", "20250101", PatientID="P2")
    received(storage, "later", "20260401", PatientID="P3")
    taken_off(storage)
    change(storage, before)
    assert taken_off(storage) == sorted([before, now])


def test_so_has_who_sees_more_or_is_seen_by_fewer(storage: Storage) -> None:
    now = received(storage, "now", "20260201")
    before = received(storage, "before", "20250101")
    groups = storage.access_groups
    north, south = groups.add("North").group_id, groups.add("South").group_id
    for study in (now, before):
        storage.access_decisions.decide(study, Decision(99, (south,)))
    groups.enforce(True)
    taken_off(storage)
    storage.access_decisions.decide(before, Decision(99, (north, south)))
    assert taken_off(storage) == sorted([before, now])
    storage.access_decisions.decide(before, Decision(99, (north, south)))
    assert taken_off(storage) == [], "nothing has changed"
    groups.assign("North", now)
    assert taken_off(storage) == [now]
    groups.unassign("North", now)
    assert taken_off(storage) == [now]
    groups.remove("South")
    assert taken_off(storage) == sorted([before, now])
    groups.enforce(False)
    assert taken_off(storage) == [now]
    groups.enforce(False)
    assert taken_off(storage) == []


def test_what_nobody_asks_about_waits_and_is_forgotten_after_long(storage: Storage) -> None:
    now = received(storage, "now", "20260201")
    complete(storage, received(storage, "before", "20250101"))
    at = utcnow()
    minute = timedelta(minutes=1)
    storage.due_for_priors.put_off(at, minute, forget_before=at - timedelta(days=1))
    assert storage.due_for_priors.due(at, 100) == []
    waiting = storage.due_for_priors.due(at + minute, 100)
    assert [one.study_instance_uid for one in waiting] == [now]
    storage.due_for_priors.put_off(at, minute, forget_before=at + timedelta(days=1))
    assert storage.due_for_priors.due(at + timedelta(days=3), 100) == []
