"""Send a stored study to peers, on a person's word."""

import structlog
from fastapi import Request
from pydantic import Field

from api.access.policy import WRITERS, policy
from api.audit.middleware import add_detail
from api.audit_rules import Audited, NotAudited
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.request_rules.text_lengths import PeerName, UidText
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.deliveries.destinations import kind_of
from inference.routing.send import send_study, why_not
from storage.audit import Code

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/studies", tags=["studies"])
receivers_router = new_router(prefix="/api/receivers", tags=["studies"])


class Receiver(Payload):
    name: str = Field(description="In `to` of a sending.", examples=["archive"])
    kind: str = Field(description="How it gets it, in words.", examples=["DICOM"])


class ReceiverList(Payload):
    items: list[Receiver]


class SendStudy(RequestBody):
    """Where a study goes."""

    to: list[PeerName] = Field(min_length=1, max_length=20, examples=[["archive"]])
    series_instance_uids: list[UidText] = Field(
        default_factory=list, max_length=1000, description="These series alone; none: all."
    )


class StudySent(Payload):
    instances: dict[str, int] = Field(
        description="How many are on their way, by peer.", examples=[{"archive": 384}]
    )


@receivers_router.get("", summary="List the peers to which a study can be sent")
@policy(WRITERS, "api:read", NotAudited("It names systems, and shows nobody's data."))
def list_receivers(storage: StorageDep) -> ReceiverList:
    """Without their addresses, which `/api/peers` shows to those who keep them."""
    return ReceiverList(
        items=[
            Receiver(name=peer.name, kind=kind_of(peer).title)
            for peer in storage.peers.all()
            if why_not(peer) == ""
        ]
    )


@router.post(
    "/{study_instance_uid}/send",
    status_code=202,
    summary="Send a study to peers",
    responses=problems(400, 404),
)
@policy(WRITERS, "api:write", Audited(Code.EXPORT, "E", with_change=True))
def send_one_study(
    request: Request, storage: StorageDep, study_instance_uid: StudyUid, wanted: SendStudy
) -> StudySent:
    """All that the node holds of it, results too. What a peer has already is sent again.

    `routes` of the study says how far it is, and so does `/api/deliveries`.
    """
    add_detail(request, to=wanted.to, series=wanted.series_instance_uids)
    sent = send_study(storage, study_instance_uid, wanted.to, wanted.series_instance_uids)
    log.info("study_sent", destinations=sorted(sent), instances=max(sent.values()))
    wake(storage.settings)
    return StudySent(instances=sent)
