"""Workitems by DIMSE (PS3.4 CC): pushed, pulled, searched and cancelled, by pynetdicom."""

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from dicom_node.ups import scp
from storage import tables as t
from storage.audit import Code
from storage.core.entities import ENDED_STATES
from storage.db.engine import reading
from storage.peers.entities import KnownPeer
from storage.ups import room
from tests.api.ups.worklist_client import code, new_item
from tests.dicom_node.association.test_audit import trail
from tests.dicom_node.conftest import Node
from tests.dicom_node.ups.workitems import (
    CANCEL,
    CHANGE_STATE,
    PULL,
    PUSH,
    QUERY,
    SUBSCRIBE,
    WATCH,
    WORKLIST,
    client,
    end_of_step,
    named,
    step,
)

MINE, YOURS = "2.25.5", "2.25.6"


def test_a_step_is_pushed_claimed_performed_and_read(node: Node) -> None:
    uid = generate_uid()
    with client(node) as ris:
        assert ris.create(step(), uid) == (0x0000, uid)
        assert ris.change(uid, "IN PROGRESS", MINE) == 0x0000
        progress = named(ProcedureStepProgress="33.3333333333")
        change = named(TransactionUID=MINE, ProcedureStepProgressInformationSequence=[progress])
        assert ris.set(uid, change) == 0x0000
        assert ris.change(uid, "COMPLETED", MINE) == 0xC304
        done = end_of_step()
        done.TransactionUID = MINE
        assert ris.set(uid, done) == 0x0000
        assert ris.change(uid, "COMPLETED", MINE) == 0x0000
        status, found = ris.get(uid)
        assert status == 0x0000
        assert found is not None
        assert (found.SOPClassUID, found.SOPInstanceUID) == (PUSH, uid)
        assert found.ProcedureStepState == "COMPLETED"
        assert str(found.PatientName) == "Quernhämmer^Adalbert"
        (progress,) = found.ProcedureStepProgressInformationSequence
        assert float(progress.ProcedureStepProgress) == pytest.approx(33.3333333333)
        (performed,) = found.UnifiedProcedureStepPerformedProcedureSequence
        assert performed.PerformedProcedureStepEndDateTime
        assert "TransactionUID" not in found
    # The same item as over UPS-RS.
    assert node.storage.workitems.get(uid).state == "COMPLETED"


def test_what_a_creator_must_give(node: Node) -> None:
    uid = generate_uid()
    with client(node) as ris:
        assert ris.create(step(ProcedureStepState="IN PROGRESS"))[0] == 0xC309
        assert ris.create(step(ProcedureStepLabel=None))[0] == 0x0120
        assert ris.create(step(ProcedureStepLabel=""))[0] == 0x0121
        assert ris.create(step(ScheduledProcedureStepPriority="URGENT"))[0] == 0x0106
        assert ris.create(step(TransactionUID=MINE))[0] == 0x0106
        assert ris.create(step(WorklistLabel=None))[0] == 0xB300, "created with modifications"
        unnamed = step(PatientID="UNNAMED")
        assert ris.association.send_n_create(unnamed, PUSH, None)[0].Status == 0x0000
        (found,) = ris.find(QUERY, SOPInstanceUID="", PatientID="UNNAMED")
        assert found.SOPInstanceUID, "the node has made a UID"
        assert ris.create(step(), uid)[0] == 0x0000
        assert ris.create(step(), uid)[0] == 0x0111


def test_what_is_too_large_is_refused(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scp, "MOST_ELEMENTS", 400)
    monkeypatch.setattr(scp, "MOST_BYTES", 8000)
    with client(node) as ris:
        many = [named(StudyInstanceUID=f"2.25.{n}") for n in range(300)]
        assert ris.create(step(InputInformationSequence=many))[0] == 0x0213
        assert ris.create(step(CommentsOnTheScheduledProcedureStep="x" * 9000))[0] == 0x0213
        assert ris.create(step())[0] == 0x0000


def test_each_state_answers_as_the_table_of_states_has_it(node: Node) -> None:
    """PS3.4 Table CC.1.1-2, row by row."""
    with client(node) as ris:
        assert ris.change("1.2.3", "IN PROGRESS", MINE) == 0xC307
        assert ris.set("1.2.3", named(ProcedureStepLabel="x")) == 0xC307
        assert ris.get("1.2.3")[0] == 0xC307
        assert ris.act(CANCEL, "1.2.3", named(), WATCH) == 0xC307
        _, uid = ris.create(step())
        label = named(ProcedureStepLabel="Another")
        # SCHEDULED
        assert ris.set(uid, label) == 0x0000
        assert ris.set(uid, named(ProcedureStepLabel="x", TransactionUID=MINE)) == 0xC310
        assert ris.set(uid, named(ProcedureStepState="COMPLETED")) == 0x0106
        assert ris.change(uid, "IN PROGRESS", "") == 0xC301
        assert ris.change(uid, "SCHEDULED", MINE) == 0xC303
        assert ris.change(uid, "COMPLETED", MINE) == 0xC310
        assert ris.change(uid, "DONE", MINE) == 0x0106
        assert ris.act(CHANGE_STATE, uid, named(TransactionUID=MINE)) == 0x0120
        assert ris.change(uid, "IN PROGRESS", MINE) == 0x0000
        # IN PROGRESS
        assert ris.change(uid, "IN PROGRESS", MINE) == 0xC302
        assert ris.change(uid, "IN PROGRESS", YOURS) == 0xC301
        assert ris.set(uid, label) == 0xC301
        assert ris.set(uid, named(ProcedureStepLabel="x", TransactionUID=YOURS)) == 0xC301
        assert ris.change(uid, "CANCELED", YOURS) == 0xC301
        assert ris.change(uid, "CANCELED", MINE) == 0xC304
        assert ris.act(CANCEL, uid, named(), PUSH) == 0xC312, "nobody listens"
        done = end_of_step()
        done.TransactionUID = MINE
        ris.set(uid, done)
        assert ris.change(uid, "COMPLETED", MINE) == 0x0000
        # COMPLETED
        assert ris.change(uid, "COMPLETED", MINE) == 0xB306
        assert ris.change(uid, "COMPLETED", YOURS) == 0xC301
        assert ris.change(uid, "CANCELED", MINE) == 0xC300
        assert ris.set(uid, named(ProcedureStepLabel="x", TransactionUID=MINE)) == 0xC300
        assert ris.act(CANCEL, uid, named(), WATCH) == 0xC311


def test_a_request_cancels_what_nobody_has_claimed(node: Node) -> None:
    with client(node) as ris:
        _, uid = ris.create(step())
        why = named(ReasonForCancellation="Patient left.", ContactDisplayName="Ward 3")
        assert ris.act(CANCEL, uid, why, PUSH) == 0x0000
        assert ris.act(CANCEL, uid, why, WATCH) == 0xB304
        _, found = ris.get(uid, by=WATCH)
        assert found is not None
        (progress,) = found.ProcedureStepProgressInformationSequence
        assert progress.ReasonForCancellation == "Patient left."
        _, other = ris.create(step())
        # An action needs no data set.
        assert ris.act(CANCEL, other, None, WATCH) == 0x0000


def test_attributes_that_are_asked_for_are_read_alone(node: Node) -> None:
    with client(node) as ris:
        _, uid = ris.create(step())
        status, found = ris.get(uid, "PatientID", "ProcedureStepState")
        assert status == 0x0000
        assert found is not None
        assert [one.keyword for one in found] == ["PatientID", "ProcedureStepState"]
        ris.change(uid, "IN PROGRESS", MINE)
        status, found = ris.get(uid, "PatientID", "TransactionUID")
        assert status == 0x0001
        assert found is not None
        assert [one.keyword for one in found] == ["PatientID"]


def test_steps_are_searched_with_every_class_that_may(node: Node) -> None:
    with client(node) as ris:
        _, uid = ris.create(step(PatientID="A-1"))
        _, other = ris.create(step(PatientID="A-2", PatientName="Müller^Jürgen"))
        ris.change(other, "IN PROGRESS", MINE)
        for by in (PULL, WATCH, QUERY):
            (found,) = ris.find(
                by, ProcedureStepState="SCHEDULED", SOPInstanceUID="", PatientID="A-?"
            )
            assert (found.SOPInstanceUID, found.PatientID) == (uid, "A-1")
            assert "TransactionUID" not in found
        everything = {one.SOPInstanceUID for one in ris.find(QUERY, SOPInstanceUID="")}
        assert everything >= {uid, other}
        assert ris.find(QUERY, PatientID="A-?", TransactionUID=MINE) == []
        (named_so,) = ris.find(
            QUERY, SpecificCharacterSet="ISO_IR 100", PatientName="müller*", SOPInstanceUID=""
        )
        assert named_so.SOPInstanceUID == other
        station = Dataset.from_json(code("STATION1", "99LOCAL", ""))
        station.CodeMeaning = ""
        found = ris.find(PULL, ScheduledStationNameCodeSequence=[station], SOPInstanceUID=uid)
        (item,) = found[0].ScheduledStationNameCodeSequence
        assert item.CodeMeaning == "Station one"
        nowhere = named(CodeValue="STATION2")
        assert ris.find(PULL, ScheduledStationNameCodeSequence=[nowhere]) == []


def test_each_class_has_its_operations_alone(node: Node) -> None:
    with client(node) as ris:
        _, uid = ris.create(step())
        association = ris.association
        assert association.send_n_create(step(), PUSH, None, meta_uid=PULL)[0].Status == 0x0211
        assert association.send_n_get([], PUSH, uid, meta_uid=QUERY)[0].Status == 0x0211
        assert ris.act(CHANGE_STATE, uid, named(), WATCH) == 0x0123
        assert ris.act(SUBSCRIBE, uid, named(), PULL) == 0x0123
        assert ris.act(9, uid, named(), WATCH) == 0x0123
        assert ris.act(CANCEL, WORKLIST, named(), WATCH) == 0xC314


def test_who_has_no_right_to_worklists_may_ask_for_nothing(node: Node) -> None:
    known = KnownPeer("bare", ae_title="STRANGER", may=frozenset({"store", "query", "commit"}))
    node.storage.peers.add(known)
    uid = node.storage.workitems.create("", new_item())[0].sop_instance_uid
    with client(node, "STRANGER") as stranger:
        assert stranger.create(step())[0] == 0x0124
        assert stranger.set(uid, named(ProcedureStepLabel="x")) == 0x0124
        assert stranger.get(uid)[0] == 0x0124
        assert stranger.change(uid, "IN PROGRESS", MINE) == 0x0124
        assert stranger.subscribe(WORKLIST, "STRANGER") == 0x0124
        answers = list(stranger.association.send_c_find(named(SOPInstanceUID=""), QUERY))
        assert [int(status.Status) for status, _ in answers] == [0x0124]
    assert node.storage.workitems.get(uid).state == "SCHEDULED"


def test_what_is_done_is_in_the_audit_trail(node: Node) -> None:
    with client(node, "AUDITED") as ris:
        _, uid = ris.create(step("1.2.840.5.9"))
        ris.change(uid, "IN PROGRESS", MINE)
        ris.get(uid)
    events = [
        (one.action, one.actor_name)
        for one in trail(node, 3, Code.PROCEDURE_RECORD)
        if one.study_instance_uids == ("1.2.840.5.9",)
    ]
    assert sorted(events) == [("C", "AUDITED"), ("R", "AUDITED"), ("U", "AUDITED")]


def test_one_caller_has_so_many_workitems_and_so_long_ones(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends what nobody performs; of 1 MiB each a peer could push any number."""
    item = t.work_item.c
    with reading(node.storage.engine) as connection:
        is_open = item.state.not_in(ENDED_STATES)
        of_others = select(func.count().filter(is_open), func.sum(item.size_bytes)).where(
            item.created_by == "address 127.0.0.1"
        )
        count, size_bytes = connection.execute(of_others).one()
    monkeypatch.setattr(room, "MOST_OPEN", count + 2)
    monkeypatch.setattr(room, "MOST_BYTES", (size_bytes or 0) + 60_000)
    uids = [generate_uid() for _ in range(2)]
    with client(node) as ris:
        for uid in uids:
            assert ris.create(step(), uid)[0] == 0x0000
        assert ris.create(step())[0] == 0x0213
        assert ris.change(uids[0], "IN PROGRESS", MINE) == 0x0000
        # Those that wait for nobody any more make room.
        assert ris.act(CANCEL, uids[1], named(), PUSH) == 0x0000
        assert ris.create(step())[0] == 0x0000
        for number, status in ((45, 0x0000), (2000, 0x0213)):
            many = [named(StudyInstanceUID=f"2.25.{n}") for n in range(number)]
            change = named(TransactionUID=MINE, InputInformationSequence=many)
            assert ris.set(uids[0], change) == status
        assert ris.change(uids[0], "CANCELED", MINE) == 0xC304
    # What the node makes itself is not counted.
    node.storage.workitems.create("", new_item())
