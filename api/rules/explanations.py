"""The site's rules: why a pipeline runs or does not run on a series, and where a series goes."""

from typing import Literal

from pydantic import BaseModel, Field

from api.access.policy import READERS, policy
from api.audit_rules import PUBLIC, RESULTS
from api.deps import SettingsDep, StorageDep
from api.parameters import StudyUid
from api.reason_parts import REASON_PARTS, ReasonPartPayload, reason_parts
from api.router_factory import new_router
from inference.routing.service import TriedRule as TriedRoutingRule
from inference.routing.service import explain_routing
from inference.rules.file import current_rules
from inference.rules.judge import RuleTrace, Trace
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import Explanation, explain_study
from storage.core.entities import Series

router = new_router(prefix="/api", tags=["rules"])


class TracePayload(BaseModel):
    """One condition: what was asked, what was found, whether it held, and what is within it."""

    text: str = Field(examples=["slice_spacing_mm ≤ 3"])
    found: str = Field(examples=["2.5"])
    holds: bool
    parts: list["TracePayload"] = []


class TriedRule(BaseModel):
    name: str
    holds: bool
    trace: TracePayload | None


class ExplanationPayload(BaseModel):
    """What one pipeline and the site's rules say of one series now."""

    series_instance_uid: str
    pipeline: str
    would_run: bool
    reason: str
    pipeline_accepts: bool
    pipeline_reason: str
    pipeline_reason_parts: list[ReasonPartPayload] = REASON_PARTS
    ready: bool
    priority: int | None = Field(
        description="Of its job, as the rules say; null where none says anything about it.",
        examples=[100],
    )
    rules: list[TriedRule]


class RoutingPayload(BaseModel):
    """What one rule of routing says of one series now."""

    series_instance_uid: str
    rule: str
    to: list[str] = Field(description="Names of peers.", examples=[["archive"]])
    send: Literal["series", "study", "instance"]
    what: Literal["received", "results", "both"]
    holds: bool
    trace: TracePayload | None
    how: list[str] = Field(
        description="What else the rule says: its hours, attributes that change, the syntax.",
        examples=[["sends in these hours: 20:00-06:00", "sets InstitutionName"]],
    )


class ExplanationList(BaseModel):
    items: list[ExplanationPayload]
    routing: list[RoutingPayload]


@router.get("/rules", summary="Show the rules in force", operation_id="get_rules")
@policy(READERS, "api:read", PUBLIC)
def get_rules(settings: SettingsDep) -> RuleSet:
    """The rules as they were read last; those of a pipeline are tried in this order."""
    return current_rules(settings)


@router.get(
    "/studies/{study_instance_uid}/rules",
    summary="Explain why pipelines run or do not run on a study",
    operation_id="explain_rules",
)
@policy(READERS, "api:read", RESULTS)
def explain_rules(study_instance_uid: StudyUid, storage: StorageDep) -> ExplanationList:
    """Try every pipeline and rule on every received series; nothing is scheduled or sent."""
    rules = current_rules(storage.settings)
    return ExplanationList(
        items=[
            _payload(one)
            for one in explain_study(
                storage.settings,
                storage.index,
                storage.instances,
                storage.worklist,
                storage.model_states,
                results_in(storage),
                study_instance_uid,
                rules,
            )
        ],
        routing=[
            _routing(series, tried)
            for series, tried_rules in explain_routing(
                storage.index,
                storage.instances,
                storage.worklist,
                storage.prior_fetches,
                study_instance_uid,
                rules,
                storage.findings.of_study(study_instance_uid),
            )
            for tried in tried_rules
        ],
    )


def _payload(one: Explanation) -> ExplanationPayload:
    return ExplanationPayload(
        series_instance_uid=one.series.series_instance_uid,
        pipeline=one.pipeline,
        would_run=one.would_run,
        reason=one.reason,
        pipeline_accepts=one.accepts.accepted,
        pipeline_reason=one.accepts.reason,
        pipeline_reason_parts=reason_parts(one.accepts.reason),
        ready=one.ready,
        priority=one.priority,
        rules=[_tried(tried) for tried in one.rules],
    )


def _tried(tried: RuleTrace) -> TriedRule:
    trace = None if tried.trace is None else _trace(tried.trace)
    return TriedRule(name=tried.rule.name, holds=tried.holds, trace=trace)


def _routing(series: Series, tried: TriedRoutingRule) -> RoutingPayload:
    return RoutingPayload(
        series_instance_uid=series.series_instance_uid,
        rule=tried.rule.name,
        to=list(tried.rule.to),
        send=tried.rule.send,
        holds=tried.holds,
        what=tried.rule.what,
        how=tried.rule.in_words(),
        trace=None if tried.trace is None else _trace(tried.trace),
    )


def _trace(trace: Trace) -> TracePayload:
    return TracePayload(
        text=trace.text,
        found=trace.found,
        holds=trace.holds,
        parts=[_trace(part) for part in trace.parts],
    )
