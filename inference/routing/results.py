"""Results that rules of routing send, and images that go because of what was found in them."""

from collections.abc import Sequence
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.deliveries.release import release_of, unsent_state
from inference.deliveries.terms import opening, why_waiting
from inference.result_identity import ResultKindName
from inference.results.kinds_per_destination import taken_by
from inference.routing.service import received_series, want_by_rule
from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import judge, priority_on
from inference.rules.pipeline_rule import STAT_PRIORITY
from inference.rules.routing_rule import RoutingRule
from inference.rules.rule_set import RuleSet
from storage.container.has import (
    HasDeliveries,
    HasIndex,
    HasPeers,
    HasPriorFetches,
    HasRetrospectiveRuns,
    HasSettings,
    HasWorklist,
)
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job
from storage.core.findings import Finding

log = structlog.get_logger(__name__)


class ResultRoutingStorage(
    HasSettings,
    HasIndex,
    HasDeliveries,
    HasWorklist,
    HasPeers,
    HasPriorFetches,
    HasRetrospectiveRuns,
    Protocol,
):
    """What of the storage layer is asked where results go by rule."""


def route_results(
    storage: ResultRoutingStorage,
    job: Job,
    headers: Sequence[Dataset],
    made: Sequence[tuple[ResultKindName, Instance]],
    findings: Sequence[Finding],
    rules: RuleSet | None = None,
) -> int:
    """Want what a job made where rules of routing send results; how many instances were not
    wanted there before. Again changes nothing.

    `rules`: some of those in force; absent: all. `headers`: of the series that it was computed on.
    `made`: each with its kind. Results of an earlier study that was fetched for comparison stay
    here as its images do, and so do those of a run over stored studies that does not send them.
    """
    if rules is None:
        rules = current_rules(storage.settings)
    asked = [one for one in rules.routing if one.enabled and one.waits_for_results]
    if not asked or not headers:
        return 0
    if job.job_id in storage.retrospective_runs.quiet_jobs(job.study_instance_uid):
        return 0
    prior = storage.prior_fetches.prior_of(job.study_instance_uid)
    if prior is not None and not (prior.send_results or prior.route):
        return 0
    received = storage.index.instances_of(job.study_instance_uid, job.series_instance_uid)
    series = SeriesFacts.received(headers, received, storage.worklist)
    facts = ResultFacts(series, findings, rules.critical)
    urgency = priority_on(rules, series)
    is_urgent = urgency is not None and urgency.priority >= STAT_PRIORITY
    wanted = 0
    for rule in asked:
        if rule.when is not None and not judge(rule.when, facts).holds:
            continue
        if rule.what != "received":
            wanted += _want_results(storage, job, rule, made, findings, is_urgent=is_urgent)
        if rule.what != "results" and rule.asks_for_findings:
            going = received
            if rule.send == "study":
                going = [
                    instance
                    for _, instances in received_series(storage.index, job.study_instance_uid)
                    for instance in instances
                ]
            wanted += want_by_rule(
                storage.deliveries, storage.peers, rule, going, is_urgent=is_urgent
            )
    return wanted


def _want_results(
    storage: ResultRoutingStorage,
    job: Job,
    rule: RoutingRule,
    made: Sequence[tuple[ResultKindName, Instance]],
    findings: Sequence[Finding],
    *,
    is_urgent: bool,
) -> int:
    wanted = 0
    found: dict[str | None, Sequence[Finding]] = {job.pipeline: findings}
    for name in rule.to:
        peer = storage.peers.find(name)
        going = [one for _, one in made] if peer is None else list(taken_by(peer, made))
        state = unsent_state(release_of(storage.settings, found, name))
        if state is None:
            continue
        until = opening(rule, utcnow(), is_urgent=is_urgent)
        added = storage.deliveries.enqueue(
            name,
            going,
            job.job_id,
            cause="RULE",
            rule=rule.name,
            state=state,
            waits_until=until,
            note=why_waiting(rule.name, rule) if until else "",
            is_urgent=is_urgent,
        )
        if added:
            log.info("results_routed", rule=rule.name, destination=name, count=added)
        wanted += added
    return wanted
