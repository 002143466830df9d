"""What an integrator knows of a series before it is here: how many instances, or which."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import Field, StringConstraints, model_validator

from api.access.policy import INTEGRATORS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import CHANGED, UIDS_ALONE
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.parameters import SeriesUid, problems
from api.router_factory import new_router
from inference.broker.notify import wake
from storage.core.callers.visibility import current_visibility
from storage.core.errors import NotFound, UidConflict
from storage.index.expected_instances import Expectation
from storage.index.repository import Index

router = new_router(prefix="/api/series", tags=["studies"])

_Uid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
_UIDS_MAX = 15_000
"""As many as a request of 1 MiB holds."""


class NewExpectation(RequestBody):
    """How many instances a series will have, or which, or both."""

    instance_count: int | None = Field(None, ge=1, le=1_000_000, examples=[320])
    sop_instance_uids: list[_Uid] = Field([], max_length=_UIDS_MAX)
    is_final: bool = Field(
        True,
        description="The series is complete as soon as it is so; otherwise it only does not"
        " pass as quiet before.",
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.instance_count is None and not self.sop_instance_uids:
            raise ValueError("name instance_count or sop_instance_uids")
        return self


class ExpectationPayload(Payload):
    announced_by: str = Field(description="`api:` and the series, or the peer that announced them.")
    study_instance_uid: str = Field(description="Empty: of whichever study the series is.")
    instance_count: int | None
    sop_instance_uids: list[str]
    is_final: bool
    updated_at: datetime


class ExpectationList(Payload):
    items: list[ExpectationPayload]


OfStudy = Annotated[
    str,
    Query(
        alias="study_instance_uid",
        pattern=r"^([0-9]+(\.[0-9]+)*)?$",
        max_length=64,
        description="The study that the series is of. Without it, whichever it is in; for those"
        " whom access groups narrow, the one that they see.",
    ),
]


@router.get("/{series_instance_uid}/expectations", summary="What was announced of a series")
@policy(READERS, "api:read", UIDS_ALONE)
def list_expectations(
    storage: StorageDep, series_instance_uid: SeriesUid, study_instance_uid: OfStudy = ""
) -> ExpectationList:
    """By this API, by MPPS and by availability notices; empty where nothing was announced.

    Those whom access groups narrow see what was announced with a study that they see.
    """
    found = storage.expectations.of_series(series_instance_uid, study_instance_uid)
    return ExpectationList(items=[_payload(one) for one in found])


@router.put(
    "/{series_instance_uid}/expectations",
    summary="Announce how many instances a series has, or which",
    responses=problems(404, 409),
)
@policy(INTEGRATORS, "api:write", CHANGED)
def announce_series(
    storage: StorageDep,
    principal: PrincipalDep,
    series_instance_uid: SeriesUid,
    wanted: NewExpectation,
    study_instance_uid: OfStudy = "",
) -> ExpectationPayload:
    """In place of what was announced here before; the series need not be here yet.

    For those whom access groups narrow it must be, in a study that they see: it could be
    one that they do not see.

    A series that has all of it is complete at once. One that lacks some waits for it,
    at most as long as any series is waited for.
    """
    kept = storage.expectations.expect(
        _announced_by(series_instance_uid),
        series_instance_uid,
        wanted.sop_instance_uids,
        instance_count=wanted.instance_count,
        is_final=wanted.is_final,
        study_instance_uid=_study_of(storage.index, series_instance_uid, study_instance_uid),
    )
    wake(storage.settings)
    return _payload(kept)


@router.delete(
    "/{series_instance_uid}/expectations",
    status_code=204,
    summary="Take back what was announced here",
    responses=problems(),
)
@policy(INTEGRATORS, "api:write", CHANGED)
def withdraw_series(
    storage: StorageDep, series_instance_uid: SeriesUid, study_instance_uid: OfStudy = ""
) -> Response:
    """The series is complete when it is quiet again. What others announced stays."""
    storage.expectations.withdraw(
        _announced_by(series_instance_uid), series_instance_uid, study_instance_uid
    )
    return Response(status_code=204)


def _study_of(index: Index, series_instance_uid: str, study_instance_uid: str) -> str:
    """The study of what is announced: a series UID alone may lie in studies of other groups."""
    if current_visibility() is None:
        return study_instance_uid
    seen = {one.study_instance_uid for one in index.series_named(series_instance_uid)}
    if study_instance_uid:
        seen &= {study_instance_uid}
    if not seen:
        raise NotFound(
            "There is no such series.",
            remedy="Announce it once it arrives, or let an administrator's key do so before.",
        )
    if len(seen) > 1:
        raise UidConflict(
            f"The series {series_instance_uid} is in {len(seen)} studies.",
            remedy="Name the one that is meant: ?study_instance_uid=…",
        )
    return seen.pop()


def _announced_by(series_instance_uid: str) -> str:
    return f"api:{series_instance_uid}"


def _payload(one: Expectation) -> ExpectationPayload:
    return ExpectationPayload(
        announced_by=one.announced_by,
        study_instance_uid=one.study_instance_uid,
        instance_count=one.instance_count,
        sop_instance_uids=list(one.sop_instance_uids),
        is_final=one.is_final,
        updated_at=one.updated_at,
    )
