"""While the disk makes nothing durable, no DIMSE service says Success, and HL7 v2 no AA."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, build_role

from storage.commitment.entities import Reference
from tests.dicom_node.commitment.test_commitment import CLASS, INSTANCE, question
from tests.dicom_node.hl7.conftest import hospital
from tests.dicom_node.hl7.hospital import Hospital
from tests.dicom_node.hl7.orders import ORDER
from tests.dicom_node.normalized.steps import IAN, MPPS, beginning, ending, notice
from tests.dicom_node.ups.workitems import PUSH, step
from tests.injection import injected

__all__ = ["hospital"]
pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

KNOWN = generate_uid()
"""A procedure step that has begun."""
ASKED = question((CTImageStorage, "1.2.3"))
"""What the node has asked its PACS to commit to, and the report that all of it is there."""

SERVICES: dict[str, Callable[[Any], int]] = {
    "N-CREATE of a procedure step": lambda peer: (
        peer.send_n_create(beginning(), MPPS, generate_uid())[0].Status
    ),
    "N-SET of a procedure step": lambda peer: (
        peer.send_n_set(ending("COMPLETED", ["1.2.3"]), MPPS, KNOWN)[0].Status
    ),
    "N-CREATE of a notice": lambda peer: (
        peer.send_n_create(notice(["1.2.3"]), IAN, generate_uid())[0].Status
    ),
    "N-EVENT-REPORT of storage commitment": lambda peer: (
        peer.send_n_event_report(ASKED, 1, CLASS, INSTANCE)[0].Status
    ),
    "N-CREATE of a workitem": lambda peer: peer.send_n_create(step(), PUSH, None)[0].Status,
    "N-ACTION of storage commitment": lambda peer: (
        peer.send_n_action(question((CTImageStorage, "1.2.3")), 1, CLASS, INSTANCE)[0].Status
    ),
}
MESSAGES: dict[str, Callable[[Hospital], str]] = {
    "an order": lambda one: one.send(ORDER)[0],
    "a change of a patient": lambda one: one.adt("A08", one.new_id(), "Other^Name")[0],
    "a merge": lambda one: one.adt("A40", one.new_id(), "Right^Name", prior_id=one.new_id())[0],
}


def test_nothing_is_acknowledged_while_nothing_can_be_made_durable(hospital: Hospital) -> None:
    ae = AE("CT1")
    for sop_class in (MPPS, IAN, CLASS, PUSH):
        ae.add_requested_context(sop_class)
    # It asks for commitment as SCU, and reports as SCP.
    roles = [build_role(CLASS, scu_role=True, scp_role=True)]
    peer = ae.associate("127.0.0.1", hospital.node.port, ext_neg=roles)
    assert peer.is_established
    hospital.node.storage.commitment_requests.ask(
        ASKED.TransactionUID, "pacs", [Reference(CTImageStorage, "1.2.3")]
    )
    assert peer.send_n_create(beginning(), MPPS, KNOWN)[0].Status == 0x0000
    with injected([os.getpid()], "fsync,fdatasync:error=EIO"):
        for what, asked in SERVICES.items():
            assert asked(peer) != 0x0000, what
        for what, sent in MESSAGES.items():
            assert sent(hospital) != "AA", what
    assert SERVICES["N-EVENT-REPORT of storage commitment"](peer) == 0x0000
    peer.release()
    assert {what: sent(hospital) for what, sent in MESSAGES.items()} == dict.fromkeys(
        MESSAGES, "AA"
    )
