"""Subscribe to workitems, and stop it (PS3.18 11.10 to 11.12)."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from api.access.policy import INTEGRATORS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import SUBSCRIBED
from api.dicomweb.deps import StorageDep
from api.dicomweb.lookups import service_url
from api.dicomweb.query_names import NEGOTIATION, reads_own_query
from api.dicomweb.routing import worklist_router
from api.dicomweb.search.query_parameters import parse_search
from api.errors import ApiProblem
from api.ups.items import WorkitemUid
from api.ups.responses import empty
from dicom_node.ups.matching import Matcher
from dicom_node.ups.present import present_items
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from storage.ups.search import Listed
from storage.ups.subscriptions import FILTERED_UID, GLOBAL_UIDS

router = worklist_router()

_UNFILTERED = frozenset({"deletionlock", *NEGOTIATION})
_OURS = _UNFILTERED | {"filter"}

AeTitle = Annotated[
    str,
    Path(
        pattern=r"^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$",
        description="AE title of the subscriber: 1 to 16 characters.",
    ),
]


@router.post(
    "/workitems/{workitem_uid}/subscribers/{ae_title}", status_code=201, summary="Subscribe"
)
@policy(INTEGRATORS, "dicomweb:write", SUBSCRIBED)
@reads_own_query
def subscribe_to_workitem(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    workitem_uid: WorkitemUid,
    ae_title: AeTitle,
    deletionlock: Annotated[bool, Query(description="Keep items until unsubscribed.")] = False,
    filter: Annotated[
        str, Query(description="attribute=value, separated by commas.", max_length=4000)
    ] = "",
) -> Response:
    """To one workitem, to all (1.2.840.10008.5.1.4.34.5), or to those that fit a filter (….5.1).

    Content-Location is the address of the WebSocket that tells of them. A deletion lock is
    always granted: what it holds is not deleted although it ended long ago.
    """
    keys: dict[str, str] = {}
    initial: list[Listed] = []
    if workitem_uid == FILTERED_UID:
        keys = _keys(request, filter)
    else:
        _check_unfiltered(request)
    if workitem_uid not in GLOBAL_UIDS:
        found = storage.workitem_list.find(workitem_uid)
        if found is None:
            raise storage.workitems.missing(workitem_uid)
        initial = [found]
    elif deletionlock:
        initial = present_items(storage.workitem_list, Matcher(keys))
    storage.subscriptions.subscribe(
        ae_title,
        workitem_uid,
        deletion_lock=deletionlock,
        keys=keys,
        initial=initial,
        identity_id=principal.identity.id,
    )
    return empty(201, {"Content-Location": _socket_url(request, storage.settings, ae_title)})


@router.delete(
    "/workitems/{workitem_uid}/subscribers/{ae_title}", status_code=200, summary="Unsubscribe"
)
@policy(INTEGRATORS, "dicomweb:write", SUBSCRIBED)
def unsubscribe_from_workitem(
    storage: StorageDep, workitem_uid: WorkitemUid, ae_title: AeTitle
) -> Response:
    """Stop hearing of it; from all items, of every single one too."""
    storage.subscriptions.unsubscribe(ae_title, workitem_uid)
    return empty(200)


@router.post(
    "/workitems/{workitem_uid}/subscribers/{ae_title}/suspend",
    status_code=200,
    summary="Suspend a subscription to the worklist",
)
@policy(INTEGRATORS, "dicomweb:write", SUBSCRIBED)
def suspend_subscription(
    storage: StorageDep, workitem_uid: WorkitemUid, ae_title: AeTitle
) -> Response:
    """No events of items that are created from now on; those of existing items go on."""
    storage.subscriptions.suspend(ae_title, workitem_uid)
    return empty(200)


def _check_unfiltered(request: Request) -> None:
    """An unknown parameter is refused here, unlike elsewhere: it may have been meant as a filter,
    and a subscription without it would hold for more than was asked, long after its Warning.

    Raises ApiProblem.
    """
    for name in request.query_params:
        if name.lower() not in _UNFILTERED:
            raise ApiProblem(
                400,
                "unknown_parameter",
                f"There is no query parameter {name[:60]!r} for this subscription.",
                remedy=f"Subscribe to {FILTERED_UID} to narrow it by a filter, or leave it out.",
            )


def _keys(request: Request, filter_text: str) -> dict[str, str]:
    """Keys of a filtered subscription: in one `filter`, or as parameters of their own."""
    pairs = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name.lower() not in _OURS
    ]
    for part in filter_text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            pairs.append((name.strip(), value.strip()))
    keys = {name: value for name, value in parse_search(pairs).keys.items() if value}
    if not keys:
        raise InvalidRequest(
            "A filtered subscription needs a filter.",
            remedy="Write filter=ScheduledStationNameCodeSequence.CodeValue=CT1, or subscribe"
            " to 1.2.840.10008.5.1.4.34.5 to hear of all.",
        )
    return keys


def _socket_url(request: Request, settings: Settings, ae_title: str) -> str:
    scheme, _, rest = service_url(request, settings).partition("://")
    named = ae_title.replace("%", "%25").replace(" ", "%20").replace("/", "%2F")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/subscribers/{named}"
