"""Findings: coded, with the model's version, and with what people say of them."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import structlog
from fastapi import Request
from pydantic import Field, StringConstraints, model_validator

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import add_detail, name_studies
from api.audit_rules import CHANGED, RESULTS
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.errors import ApiProblem
from api.fhircast.opened_studies import share_feedback
from api.findings.schemas import FeedbackList, FeedbackPayload, FindingList, FindingPayload
from api.findings.serializers import feedback_payload, finding_payload
from api.parameters import FindingId, StudyUid, problems
from api.request_rules.enum_spelling import spelled_freely
from api.router_factory import new_router
from inference.findings.derived import void_among
from storage.core.findings import FeedbackKind, Finding, FormerKind
from storage.core.units import alike, converted, is_never_negative
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.jobs.withdrawals import Withdrawals

log = structlog.get_logger(__name__)

router = new_router(prefix="/api", tags=["findings"])

_LARGEST = 1e12
_NO_CONTROL = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=_NO_CONTROL)
]
ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_NO_CONTROL)
]


class FeedbackUnit(RequestBody):
    """A UCUM code."""

    value: str = Field(min_length=1, max_length=16, pattern=r"^[!-~]+$", examples=["cm3"])
    meaning: ShortText = ""


class NewFeedback(RequestBody):
    """Feedback on a finding. CORRECTED states what would be right: a value, a name, or both."""

    kind: Annotated[FeedbackKind, spelled_freely(FeedbackKind)]
    verdict: Annotated[FormerKind, spelled_freely(FormerKind)] | None = Field(
        None,
        description="The former name of `kind`, with EDITED for CORRECTED.",
        deprecated=True,
    )
    value: float | None = Field(None, allow_inf_nan=False, examples=[1788.2])
    unit: FeedbackUnit | None = Field(
        None,
        description="Of the value, which is kept in the finding's; without it the finding's.",
    )
    label: ShortText = ""
    reason: Text = Field("", examples=["The mask leaves out the cerebellum."])

    @model_validator(mode="before")
    @classmethod
    def _take_the_former_name(cls, body: Any) -> Any:
        if not isinstance(body, dict) or "kind" in body or "verdict" not in body:
            return body
        former = body["verdict"]
        is_edited = isinstance(former, str) and former.strip().upper() == "EDITED"
        return {**body, "kind": "CORRECTED" if is_edited else former}

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        says_what = self.value is not None or bool(self.label)
        if self.kind == "CORRECTED" and not says_what:
            raise ValueError("CORRECTED needs the value or the label that would be right")
        if self.kind != "CORRECTED" and (says_what or self.unit):
            raise ValueError("only CORRECTED comes with a value, a unit or a label")
        if self.unit is not None and self.value is None:
            raise ValueError("a unit needs a value")
        return self


@router.get(
    "/studies/{study_instance_uid}/findings",
    summary="The findings of a study",
    responses=problems(404),
)
@policy(READERS, "api:read", RESULTS)
def list_findings(storage: StorageDep, study_instance_uid: StudyUid) -> FindingList:
    """Every finding of every completed job of the study."""
    storage.index.study(study_instance_uid)
    findings = storage.findings.of_study(study_instance_uid)
    return FindingList(
        items=finding_payloads(
            storage.withdrawals, storage.findings, storage.finding_feedback, findings
        )
    )


@router.get("/findings/{finding_id}", summary="One finding", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_finding(request: Request, storage: StorageDep, finding_id: FindingId) -> FindingPayload:
    """The finding as it was stated, with all feedback on it."""
    finding = storage.findings.get(finding_id)
    name_studies(request, finding.study_instance_uid)
    (found,) = finding_payloads(
        storage.withdrawals, storage.findings, storage.finding_feedback, [finding]
    )
    return found


@router.get(
    "/findings/{finding_id}/feedback",
    summary="Feedback on a finding",
    responses=problems(404),
)
@policy(READERS, "api:read", RESULTS)
def list_feedback(request: Request, storage: StorageDep, finding_id: FindingId) -> FeedbackList:
    """All of it, oldest first; the last counts."""
    finding = storage.findings.get(finding_id)
    name_studies(request, finding.study_instance_uid)
    feedback = storage.finding_feedback.of_findings([finding.finding_id])[finding.finding_id]
    return FeedbackList(items=[feedback_payload(one) for one in feedback])


@router.post(
    "/findings/{finding_id}/feedback",
    status_code=201,
    summary="Accept, reject or correct a finding",
    responses=problems(404),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def add_feedback(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    finding_id: FindingId,
    feedback: NewFeedback,
) -> FeedbackPayload:
    """Kept beside the finding, which never changes, with who says so and when."""
    finding = storage.findings.get(finding_id)
    name_studies(request, finding.study_instance_uid)
    value = _value(finding, feedback)
    kept = storage.finding_feedback.add(
        finding,
        feedback.kind,
        principal.identity,
        value=value,
        unit=None if value is None else finding.unit,
        label=feedback.label,
        reason=feedback.reason,
        verifies=author_of(principal).may_verify,
    )
    if kept.kind == "REJECTED":
        # Who has looked at it, and holds it to be wrong, need not be reminded of it.
        note = f"The finding was rejected. {kept.reason}".strip()
        storage.critical_alerts.acknowledge_of(finding_id, principal.identity, note)
    listeners = share_feedback(storage, principal, finding)
    if listeners:
        add_detail(request, shared_with=listeners)
    log.info("finding_feedback", finding_id=finding_id, kind=feedback.kind)
    return feedback_payload(kept)


def finding_payloads(
    withdrawals: Withdrawals,
    finding_repository: Findings,
    finding_feedback: FindingFeedback,
    findings: Sequence[Finding],
) -> list[FindingPayload]:
    """Findings as the API tells them, with the feedback on each."""
    feedback = finding_feedback.of_findings([finding.finding_id for finding in findings])
    void = void_among(finding_repository, finding_feedback, findings)
    withdrawn = withdrawals.among([finding.job_id for finding in findings])
    return [
        finding_payload(
            finding,
            feedback[finding.finding_id],
            is_withdrawn=finding.job_id in withdrawn,
            is_left_out=finding.finding_id in void,
        )
        for finding in findings
    ]


def _value(finding: Finding, feedback: NewFeedback) -> float | None:
    """In the unit of the finding, so that every sentence and sum that rests on it agrees."""
    if feedback.value is None:
        return None
    if finding.value is None:
        raise ApiProblem(
            422,
            "finding_has_no_value",
            "The finding states no number, so none can be corrected.",
            remedy="Correct its label, or reject it.",
        )
    own = finding.unit.value if finding.unit else ""
    if abs(feedback.value) > _LARGEST or (feedback.value < 0 and is_never_negative(own)):
        raise ApiProblem(
            422,
            "value_does_not_fit",
            f"The finding is stated in {own or 'no unit'}, and {feedback.value:.10g} can be no"
            " such value.",
            remedy="Correct the value, or reject the finding.",
        )
    if feedback.unit is None:
        return feedback.value
    value = converted(feedback.value, feedback.unit.value, own)
    if value is None:
        raise ApiProblem(
            422,
            "unit_does_not_fit",
            f"The finding is stated in {own or 'no unit'}, and {feedback.unit.value} is no unit"
            " that can be converted to it.",
            remedy=f"State the value in {' or '.join(alike(own)[:3]) or 'no unit'}.",
        )
    return value
