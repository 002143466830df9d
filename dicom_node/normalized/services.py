"""The DIMSE-N services that the SCP offers, by the request that begins them."""

from dicom_node.association.acceptor import RequestHandler
from dicom_node.association.base import NodeAssociation
from dicom_node.commitment.scp import CommitmentScp
from dicom_node.commitment.scu import CommitmentResultScp
from dicom_node.network.command_set import Command
from dicom_node.normalized.availability_scp import AvailabilityScp
from dicom_node.normalized.procedure_step_scp import ProcedureStepCreateScp, ProcedureStepSetScp
from dicom_node.normalized.requests import Dispatch
from storage.container import Storage


def normalized_services(
    storage: Storage, association: NodeAssociation
) -> dict[int, RequestHandler]:
    """Handlers by command field, for one association."""
    return {
        Command.N_ACTION_RQ: CommitmentScp(storage, association),
        Command.N_EVENT_REPORT_RQ: CommitmentResultScp(storage.commitment_requests, association),
        Command.N_SET_RQ: ProcedureStepSetScp(storage, association),
        Command.N_CREATE_RQ: Dispatch(
            (
                ProcedureStepCreateScp(storage, association),
                AvailabilityScp(storage, association),
            )
        ),
    }
