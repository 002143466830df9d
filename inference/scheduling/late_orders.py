"""Studies of which an order came, changed or was cancelled after their images.

What asks for orders is asked once more: rules and cards of pipelines, rules of priority, routing,
de-identification and priors. What was decided before stays: a job is made once for its input, and
an instance is wanted once at a destination. Rules that ask for no orders are not asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, cast

from pydicom.dataset import Dataset

from inference.annotations.feedback_documents import still_stored
from inference.annotations.feedback_standing import StandingStorage, standing_after_feedback
from inference.model_registry.status import Standing, offered
from inference.pipeline import Pipeline
from inference.priors.arrived_headers import headers_of
from inference.priors.triggers import TriggerStorage, want_for_series
from inference.projects.added_by_rule import ProjectRuleStorage, add_complete_study
from inference.result_identity import ResultKindName
from inference.routing.results import ResultRoutingStorage, route_results
from inference.routing.service import goes_on, received_series, route_series, route_study
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.judge import priority_on, rule_on
from inference.rules.order_rules import (
    asks_for_orders,
    only_of_orders,
    pipelines_asked_for_orders,
)
from inference.rules.pipeline_rule import STAT_PRIORITY, Rule
from inference.rules.priority_rule import PriorityRule
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import DecisionStorage
from inference.scheduling.due_studies import LaterDecisionStorage, decide_due
from inference.scheduling.schedule import in_order
from inference.scheduling.studies_awaiting_priors import decide_again
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job, Series
from storage.db.due.studies import StudiesDue
from storage.deliveries.terms import go_at_once

_Received = Sequence[tuple[Series, list[Instance]]]


class LateOrderStorage(
    LaterDecisionStorage,
    TriggerStorage,
    ResultRoutingStorage,
    StandingStorage,
    ProjectRuleStorage,
    Protocol,
):
    """What of the storage layer is asked again once an order has come."""

    @property
    def due_for_orders(self) -> StudiesDue: ...


@dataclass(frozen=True)
class _Asked:
    """What asks for orders."""

    standings: Sequence[Standing]
    rules: RuleSet
    """Those that each count by themselves."""
    says_priority: bool

    @property
    def is_any(self) -> bool:
        rules = self.rules
        each = (*rules.routing, *rules.priors, *rules.deidentification)
        return bool(self.standings or each or self.says_priority)


def look_at_late_orders(
    storage: LateOrderStorage, now: datetime, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Ask once more about studies of which orders came or changed; about how many.

    With what the node may see, not who ordered. What nobody has decided on yet waits for its turn,
    at which orders are known.
    """

    def asked() -> Sequence[_Asked]:
        one = _what_asks(storage, current_rules(storage.settings), pipelines)
        return [one] if one.is_any else []

    def ask(_: DecisionStorage, uid: str, asked: Sequence[_Asked], rules: RuleSet) -> None:
        for one in asked:
            _ask(storage, uid, one, rules)

    # Where nothing asks for orders now, a rule that will speaks of what comes from then on.
    return decide_due(storage, storage.due_for_orders, now, asked, ask, timedelta())


def _what_asks(
    storage: LateOrderStorage, rules: RuleSet, pipelines: Sequence[Pipeline] | None
) -> _Asked:
    named = pipelines_asked_for_orders(rules)
    standings = [
        one
        for one in in_order(offered(storage.settings, storage.model_states, pipelines))
        if one.pipeline.input_kind != "image"
        and (one.pipeline.name in named or any(map(asks_for_orders, conditions_of(one.pipeline))))
    ]
    of_each: tuple[PriorityRule | Rule, ...] = (*rules.priority, *rules.rules)
    return _Asked(
        standings, only_of_orders(rules), any(asks_for_orders(one.when) for one in of_each)
    )


def conditions_of(pipeline: Pipeline) -> tuple[Condition, ...]:
    """What its card asks of series; nothing of a pipeline that has no such card."""
    stated: tuple[Condition, ...] = getattr(pipeline, "card_conditions", ())
    return stated


@as_node()
def _ask(storage: LateOrderStorage, study_instance_uid: str, asked: _Asked, rules: RuleSet) -> None:
    """Raises NotFound, StorageUnavailable."""
    storage.index.study(study_instance_uid)
    for standing in asked.standings:
        decide_again(storage, study_instance_uid, standing, rules)
    received = received_series(storage.index, study_instance_uid)
    if asked.says_priority:
        _follow_priority(storage, study_instance_uid, received, rules)
    _send_on(storage, study_instance_uid, received, asked.rules)


def _follow_priority(
    storage: LateOrderStorage, study_instance_uid: str, received: _Received, rules: RuleSet
) -> None:
    """Of jobs that have not begun, and of what waits for the hours of a rule."""
    jobs = storage.jobs.of_studies([study_instance_uid])[study_instance_uid]
    is_stat = False
    for series, instances in received:
        headers = headers_of(storage.instances, series, instances)
        if headers is None:
            continue
        facts = SeriesFacts.received(headers, instances, storage.worklist)
        urgency = priority_on(rules, facts)
        is_stat |= urgency is not None and urgency.priority >= STAT_PRIORITY
        for job in jobs:
            if job.series_instance_uid == series.series_instance_uid and job.state == "SCHEDULED":
                _set_priority(storage, job, facts, rules)
    if is_stat:
        go_at_once(storage.engine, study_instance_uid, utcnow())


def _set_priority(storage: LateOrderStorage, job: Job, facts: SeriesFacts, rules: RuleSet) -> None:
    """Up where the rules say so; down only from where they had put it, not from a person's word."""
    before, after = (
        rule_on(rules, job.pipeline, one).priority or 0
        for one in (replace(facts, orders=None), facts)
    )
    if after > job.priority or (after < job.priority and job.priority == before):
        storage.jobs.set_priority(job.job_id, after, utcnow())


def _send_on(
    storage: LateOrderStorage, study_instance_uid: str, received: _Received, rules: RuleSet
) -> None:
    """By routing, into projects, and for whose sake archives are asked."""
    for series, _ in received:
        want_for_series(storage, series, rules)
    if not goes_on(storage.prior_fetches, study_instance_uid):
        return
    for series, _ in received:
        route_series(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.deliveries,
            storage.peers,
            series,
            rules,
        )
    # What is not complete yet is asked about as a whole when it is.
    if all(
        one.state == "COMPLETE"
        for one in storage.index.series_of(study_instance_uid)
        if one.origin == "received"
    ):
        route_study(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.deliveries,
            storage.peers,
            study_instance_uid,
            rules,
        )
        add_complete_study(storage, study_instance_uid, rules, utcnow())
    if any(one.enabled and one.waits_for_results for one in rules.routing):
        for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]:
            if job.has_results:
                _send_results(storage, job, received, rules)


def _send_results(storage: LateOrderStorage, job: Job, received: _Received, rules: RuleSet) -> None:
    headers: Sequence[Dataset] = ()
    for series, instances in received:
        if series.series_instance_uid == job.series_instance_uid:
            headers = headers_of(storage.instances, series, instances) or ()
    standing = standing_after_feedback(storage, job)
    made = [
        (cast(ResultKindName, one["kind"]), wanted)
        for one in job.result.get("instances", ())
        for wanted in standing.get(
            one["sop_instance_uid"], still_stored(storage.generated, [one["sop_instance_uid"]])
        )
    ]
    findings = storage.findings.of_job(job.job_id)
    route_results(storage, job, headers, made, findings, rules)
