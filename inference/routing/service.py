"""The rules of routing asked about series and studies, and what they send wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from pydicom.dataset import Dataset

from inference.deliveries.terms import opening, why_waiting
from inference.priors.arrived_headers import headers_of
from inference.rules.conditions import Condition
from inference.rules.critical_rule import CriticalRule
from inference.rules.facts import SeriesFacts
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import Trace, judge, priority_on
from inference.rules.order_facts import Orders, RememberedOrders
from inference.rules.pipeline_rule import STAT_PRIORITY
from inference.rules.routing_rule import RoutingRule, SentAs
from inference.rules.rule_set import RuleSet
from storage.core.clock import utcnow
from storage.core.entities import Instance, Series
from storage.core.findings import Finding
from storage.core.sources import are_imported, senders_of
from storage.deliveries.repository import Deliveries
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.peers.repository import Peers
from storage.priors.fetches import PriorFetches

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TriedRule:
    """A rule of routing and a series: whether it holds, and why. `trace` is None without a
    condition."""

    rule: RoutingRule
    holds: bool
    trace: Trace | None
    instances: Sequence[Instance] = ()
    """Those of the series that the rule sends on, if it holds."""


def try_rules(
    instance_reader: InstanceReader,
    orders: Orders,
    series: Series,
    instances: Sequence[Instance],
    rules: RuleSet,
) -> list[TriedRule]:
    """Every rule of what is received on one series; nothing is sent. Raises StorageUnavailable."""
    asked = _enabled(rules)
    return _tried(instance_reader, orders, series, instances, asked)


def _tried(
    instance_reader: InstanceReader,
    orders: Orders,
    series: Series,
    instances: Sequence[Instance],
    asked: Sequence[RoutingRule],
    findings: Sequence[Finding] = (),
    critical: Sequence[CriticalRule] = (),
) -> list[TriedRule]:
    headers = (
        headers_of(instance_reader, series, instances) if any(rule.when for rule in asked) else None
    )
    orders = RememberedOrders(orders)
    tried = []
    for rule in asked:
        if rule.when is None:
            tried.append(TriedRule(rule, True, None, instances))
        elif headers is not None and rule.send == "instance":
            tried.append(_of_each(rule, rule.when, headers, instances, orders))
        elif headers is not None:
            facts = ResultFacts(
                SeriesFacts.received(headers, instances, orders), findings, critical
            )
            trace = judge(rule.when, facts)
            tried.append(TriedRule(rule, trace.holds, trace, instances))
    return tried


def _of_each(
    rule: RoutingRule,
    when: Condition,
    headers: Sequence[Dataset],
    instances: Sequence[Instance],
    orders: Orders,
) -> TriedRule:
    """The trace is that of the first instance that goes, else of the first there is."""
    traces = [
        judge(when, SeriesFacts.received([header], [one], orders))
        for header, one in zip(headers, instances, strict=True)
    ]
    going = [one for one, trace in zip(instances, traces, strict=True) if trace.holds]
    shown = next((trace for trace in traces if trace.holds), traces[0] if traces else None)
    return TriedRule(rule, bool(going), shown, going)


def explain_routing(
    index: Index,
    instance_reader: InstanceReader,
    orders: Orders,
    fetches: PriorFetches,
    study_instance_uid: str,
    rules: RuleSet,
    findings: Sequence[Finding] = (),
) -> list[tuple[Series, list[TriedRule]]]:
    """Every rule of routing on every series that was received and is complete; nothing is sent.

    None on a prior that does not go on. `findings`: those of the study, as they are now.
    Raises NotFound.
    """
    index.study(study_instance_uid)
    if not goes_on(fetches, study_instance_uid):
        return []
    asked = [rule for rule in rules.routing if rule.enabled]
    found: list[tuple[Series, list[TriedRule]]] = []
    for series, instances in received_series(index, study_instance_uid) if asked else ():
        uid = series.series_instance_uid
        of_series = [one for one in findings if one.series_instance_uid == uid]
        tried = _tried(instance_reader, orders, series, instances, asked, of_series, rules.critical)
        found.append((series, tried))
    return found


def plan_study(
    index: Index,
    instance_reader: InstanceReader,
    orders: Orders,
    study_instance_uid: str,
    rules: RuleSet,
) -> list[tuple[RoutingRule, list[Instance]]]:
    """What the rules send on of all that was received and is complete. Raises NotFound."""
    index.study(study_instance_uid)
    received = received_series(index, study_instance_uid)
    everything = [instance for _, instances in received for instance in instances]
    plan: dict[str, tuple[RoutingRule, list[Instance]]] = {}
    for series, instances in received:
        for tried in try_rules(instance_reader, orders, series, instances, rules):
            rule = tried.rule
            if not tried.holds:
                continue
            if rule.send == "study":
                plan[rule.name] = rule, everything
            else:
                plan.setdefault(rule.name, (rule, []))[1].extend(tried.instances)
    return list(plan.values())


def send_plan(
    deliveries: Deliveries,
    peers: Peers,
    plan: Sequence[tuple[RoutingRule, Sequence[Instance]]],
    *,
    is_urgent: bool = False,
) -> int:
    """Want it at its destinations; how many instances were not wanted there before.

    `is_urgent`: whatever the hours of the rules are.
    """
    return sum(
        want_by_rule(deliveries, peers, rule, instances, is_urgent=is_urgent)
        for rule, instances in plan
    )


def _enabled(rules: RuleSet) -> list[RoutingRule]:
    """Those that are asked when something is complete; others wait for results."""
    return [rule for rule in rules.routing if rule.enabled and rule.is_of_receipt]


def of_kind(rules: RuleSet, *send: SentAs) -> RuleSet:
    return RuleSet(routing=tuple(one for one in _enabled(rules) if one.send in send))


def goes_on(fetches: PriorFetches, study_instance_uid: str) -> bool:
    """Not where it was fetched as an earlier study, unless its rule says so."""
    prior = fetches.prior_of(study_instance_uid)
    return prior is None or prior.route


def route_series(
    index: Index,
    instance_reader: InstanceReader,
    orders: Orders,
    deliveries: Deliveries,
    peers: Peers,
    series: Series,
    rules: RuleSet,
) -> int:
    """What the rules send on of a series that is complete. What went on instance by instance
    before is wanted already; what was missed then is wanted now."""
    asked = of_kind(rules, "series", "instance")
    if not asked.routing:
        return 0
    instances = _instances(index, series)
    return route_instances(
        instance_reader, orders, deliveries, peers, series, instances, asked, rules
    )


def route_instances(
    instance_reader: InstanceReader,
    orders: Orders,
    deliveries: Deliveries,
    peers: Peers,
    series: Series,
    instances: Sequence[Instance],
    asked: RuleSet,
    rules: RuleSet,
) -> int:
    """Ask `asked` of these instances of a series; `rules` say what is urgent."""
    if are_imported(instances):
        return 0
    tried = try_rules(instance_reader, orders, series, instances, asked)
    is_urgent = _is_urgent(instance_reader, orders, series, instances, rules)
    plan = [(one.rule, one.instances) for one in tried if one.holds]
    return send_plan(deliveries, peers, plan, is_urgent=is_urgent)


def route_study(
    index: Index,
    instances: InstanceReader,
    orders: Orders,
    deliveries: Deliveries,
    peers: Peers,
    study_instance_uid: str,
    rules: RuleSet,
) -> int:
    of_study = of_kind(rules, "study")
    if not of_study.routing:
        return 0
    plan = plan_study(index, instances, orders, study_instance_uid, of_study)
    is_urgent = plan != [] and any(
        _is_urgent(instances, orders, series, of_series, rules)
        for series, of_series in received_series(index, study_instance_uid)
    )
    # What was imported waits for `mediview studies route`.
    return send_plan(
        deliveries,
        peers,
        [(rule, going) for rule, going in plan if not are_imported(going)],
        is_urgent=is_urgent,
    )


def _is_urgent(
    instance_reader: InstanceReader,
    orders: Orders,
    series: Series,
    instances: Sequence[Instance],
    rules: RuleSet,
) -> bool:
    """Whether rules of priority say STAT; asked where some rule of routing has hours."""
    if not rules.priority or not any(rule.hours for rule in rules.routing):
        return False
    headers = headers_of(instance_reader, series, instances)
    if headers is None:
        return False
    found = priority_on(rules, SeriesFacts.received(headers, instances, orders))
    return found is not None and found.priority >= STAT_PRIORITY


def received_series(index: Index, study_instance_uid: str) -> list[tuple[Series, list[Instance]]]:
    """What rules of routing are asked about: each series that was received and is complete."""
    return [
        (series, _instances(index, series))
        for series in index.series_of(study_instance_uid)
        if series.origin == "received" and series.state == "COMPLETE"
    ]


def want_by_rule(
    deliveries: Deliveries,
    peers: Peers,
    rule: RoutingRule,
    instances: Sequence[Instance],
    *,
    is_urgent: bool,
) -> int:
    """Want received instances where a rule sends them, but not where they came from."""
    wanted = 0
    for name in rule.to:
        peer = peers.find(name)
        going = [
            one
            for one in instances
            if peer is None or not peer.ae_title or peer.ae_title not in senders_of([one])
        ]
        until = opening(rule, utcnow(), is_urgent=is_urgent)
        added = deliveries.enqueue(
            name,
            going,
            None,
            cause="RULE",
            rule=rule.name,
            waits_until=until,
            note=why_waiting(rule.name, rule) if until else "",
            is_urgent=is_urgent,
        )
        if added:
            log.info("instances_routed", rule=rule.name, destination=name, count=added)
        wanted += added
    return wanted


def _instances(index: Index, series: Series) -> list[Instance]:
    return index.instances_of(series.study_instance_uid, series.series_instance_uid)
