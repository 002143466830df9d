"""MPPS as SCU (PS3.4 F.7): procedure steps that modalities report, passed on to others."""

from pydicom.dataset import Dataset

from dicom_node.association.base import NodeAssociation
from dicom_node.normalized.answers import status_of
from dicom_node.normalized.procedure_step_scp import PROCEDURE_STEP_CLASS
from dicom_node.normalized.requests import (
    DUPLICATE_SOP_INSTANCE,
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    STEP_MAY_NOT_BE_UPDATED,
)
from dicom_node.normalized.step_beginning import OF_THE_BEGINNING
from dicom_node.peers import Peer, PeerLacksService
from storage.mpps.repository import ProcedureStep

# What the end of a step states: a step begins with each of them empty.
_OF_THE_END = (
    *("PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime"),
    *("PerformedSeriesSequence", "PerformedProcedureStepDiscontinuationReasonCodeSequence"),
)


def tell_step(
    association: NodeAssociation, peer: Peer, step: ProcedureStep, *, is_known: bool
) -> None:
    """Bring a peer's step to what this one is: N-CREATE unless it knows it, N-SET.

    A peer that has the step already, or as ended, lost its answer on the way.
    Raises PeerDidNotAnswer, PeerLacksService.
    """
    if not is_known:
        _create(association, peer, step)
        if step.state == "IN PROGRESS":
            return
    if _set(association, peer, step) == NO_SUCH_SOP_INSTANCE:
        _create(association, peer, step)
        if _set(association, peer, step) == NO_SUCH_SOP_INSTANCE:
            raise PeerLacksService(
                f"{peer} does not keep procedure steps: it has taken one, and says there is none.",
                remedy="Look into the peer's log.",
            )


def beginning_of(step: ProcedureStep) -> Dataset:
    """The data set of N-CREATE, also where the step has ended meanwhile."""
    whole = Dataset.from_json(step.attributes)
    if step.state != "IN PROGRESS":
        whole.PerformedProcedureStepStatus = "IN PROGRESS"
        for keyword in _OF_THE_END:
            if keyword in whole:
                setattr(whole, keyword, [] if keyword.endswith("Sequence") else "")
    return whole


def change_of(step: ProcedureStep) -> Dataset:
    """The data set of N-SET."""
    change = Dataset.from_json(step.attributes)
    for tag in OF_THE_BEGINNING:
        if tag in change:
            del change[tag]
    change.PerformedProcedureStepStatus = step.state
    return change


def _create(association: NodeAssociation, peer: Peer, step: ProcedureStep) -> None:
    answer, _ = association.send_n_create(
        beginning_of(step), PROCEDURE_STEP_CLASS, step.sop_instance_uid
    )
    status_of(answer, peer, "a procedure step that began", {DUPLICATE_SOP_INSTANCE})


def _set(association: NodeAssociation, peer: Peer, step: ProcedureStep) -> int:
    answer, _ = association.send_n_set(change_of(step), PROCEDURE_STEP_CLASS, step.sop_instance_uid)
    has_ended = answer.get("ErrorID") == STEP_MAY_NOT_BE_UPDATED
    allowed = {NO_SUCH_SOP_INSTANCE, *([PROCESSING_FAILURE] if has_ended else [])}
    return status_of(answer, peer, "a procedure step that went on", allowed)
