"""Alerts of critical findings, which wait until a person acknowledges them."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from pydantic import ConfigDict, Field, StringConstraints

from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CHANGED, RESULTS
from api.base_schemas import CursorPage, FewMistakes, Payload
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import UidFilter, problems
from api.request_rules.enum_spelling import AlertStateWord
from api.router_factory import new_router
from storage.reports.critical_alerts import NEWEST_ALERTS, Alert

router = new_router(prefix="/api/alerts", tags=["alerts"])

AlertId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The alert's id.")]


class AlertPayload(Payload):
    """One critical finding, by a rule of the site."""

    alert_id: str
    study_instance_uid: str
    finding_id: str
    rule: str
    text: str = Field(examples=["Suspected bleeding: Haematoma volume 31.0 cm³."])
    state: AlertStateWord
    repeats: int = Field(description="How often it was repeated.")
    acknowledged_by: str
    acknowledged_at: datetime | None
    note: str
    created_at: datetime


class AlertPage(CursorPage):
    items: list[AlertPayload]


class Acknowledgement(FewMistakes):
    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")
    ] = Field("", examples=["Informed the ward by telephone."])


@router.get("", summary="List the alerts, the newest first")
@policy(READERS, "api:read", RESULTS)
def list_alerts(
    request: Request,
    storage: StorageDep,
    paging: CursorPagingDep,
    state: AlertStateWord | None = None,
    study_instance_uid: UidFilter = None,
) -> AlertPage:
    """Those that are OPEN wait for a person."""
    alerts, total = storage.critical_alerts.list(
        state,
        study_instance_uid,
        paging.limit,
        paging.offset,
        beyond=paging.beyond(NEWEST_ALERTS),
    )
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in alerts))
    items = [_payload(one) for one in alerts]
    return paging.page_of(AlertPage, items, total, alerts, NEWEST_ALERTS)


@router.post(
    "/{alert_id}/acknowledge", summary="Acknowledge an alert", responses=problems(404, 409)
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def acknowledge_alert(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    alert_id: AlertId,
    acknowledgement: Acknowledgement | None = None,
) -> AlertPayload:
    """The person who does so has seen it, and it is not repeated."""
    name_studies(request, storage.critical_alerts.get(alert_id).study_instance_uid)
    note = acknowledgement.note if acknowledgement is not None else ""
    return _payload(storage.critical_alerts.acknowledge(alert_id, principal.identity, note))


def _payload(alert: Alert) -> AlertPayload:
    return AlertPayload(**{name: getattr(alert, name) for name in AlertPayload.model_fields})
