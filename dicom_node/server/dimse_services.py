"""The DIMSE services that the SCP offers, by the request that begins each.

C-STORE has a receiver of its own (`dicom_node.store.scp`), and C-ECHO an answer in
`dicom_node.server.scp`. Which SOP classes are negotiated is in
`dicom_node.association.contexts`, which right a command needs in
`dicom_node.association.authorization`.
"""

from dicom_node.association.acceptor import RequestHandler
from dicom_node.association.base import NodeAssociation
from dicom_node.commitment.scp import CommitmentScp
from dicom_node.commitment.scu import CommitmentResultScp
from dicom_node.network.command_set import Command
from dicom_node.normalized.availability_scp import AvailabilityScp
from dicom_node.normalized.procedure_step_scp import ProcedureStepCreateScp, ProcedureStepSetScp
from dicom_node.normalized.requests import Dispatch
from dicom_node.query.find_service import FindDispatch
from dicom_node.query.scp import FindScp
from dicom_node.retrieve.scp import RetrieveScp
from dicom_node.ups.event_scp import UpsEventScp
from dicom_node.ups.find_scp import UpsFindScp
from dicom_node.ups.scp import UpsActionScp, UpsCreateScp, UpsGetScp, UpsSetScp
from dicom_node.worklist.scp import WorklistScp
from storage.container import Storage

SERVED: frozenset[int] = frozenset(
    {
        Command.C_FIND_RQ,
        Command.C_MOVE_RQ,
        Command.C_GET_RQ,
        Command.N_ACTION_RQ,
        Command.N_EVENT_REPORT_RQ,
        Command.N_SET_RQ,
        Command.N_GET_RQ,
        Command.N_CREATE_RQ,
    }
)
"""The command fields of what is made below (PS3.7 E.1)."""


def request_handlers(storage: Storage, association: NodeAssociation) -> dict[int, RequestHandler]:
    """Handlers by command field (PS3.7 E.1), for one association."""
    retrieve = RetrieveScp(storage, association)
    return {
        Command.C_FIND_RQ: FindDispatch(
            (
                FindScp(
                    storage.engine,
                    storage.index,
                    storage.instances,
                    association,
                    storage.settings.ae_title,
                    storage.damaged.known.availability_of,
                ),
                WorklistScp(storage.worklist, association),
                UpsFindScp(storage.workitem_list, association),
            )
        ),
        Command.C_MOVE_RQ: retrieve,
        Command.C_GET_RQ: retrieve,
        Command.N_ACTION_RQ: Dispatch(
            (CommitmentScp(storage, association), UpsActionScp(storage, association))
        ),
        Command.N_EVENT_REPORT_RQ: Dispatch(
            (
                CommitmentResultScp(storage.commitment_requests, association),
                UpsEventScp(storage, association),
            )
        ),
        Command.N_SET_RQ: Dispatch(
            (
                ProcedureStepSetScp(storage.procedure_steps, association),
                UpsSetScp(storage, association),
            )
        ),
        Command.N_GET_RQ: UpsGetScp(storage, association),
        Command.N_CREATE_RQ: Dispatch(
            (
                ProcedureStepCreateScp(storage.procedure_steps, association),
                AvailabilityScp(storage.procedure_steps, association),
                UpsCreateScp(storage, association),
            )
        ),
    }
