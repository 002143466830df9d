"""What one set of rules says of one study, and what another one would change."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from inference.projects.added_by_rule import rules_that_hold
from inference.retention.assessment import Retention, RetentionStorage
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import Facts, judge, priority_on, rule_on
from inference.rules.routing_rule import RoutingRule
from inference.rules.rule_set import RuleSet
from inference.site_rules.results_preview import Found, alerts, releases
from storage.core.findings import Finding
from storage.retention.repository import RuleDecision

Section = Literal[
    "rules",
    "routing",
    "retention",
    "priors",
    "priority",
    "deidentification",
    "release",
    "critical",
]
"""The sections of the file whose rules are asked about studies."""


@dataclass(frozen=True)
class Change:
    """What would be otherwise for one study. `before` and `after` say whether it runs or is sent;
    of retention, by which rule it leaves (empty: by none), from which day, and whether early where
    the disk is short; of priority, which number it has."""

    study_instance_uid: str
    section: Section
    what: str
    """The pipeline, the destination, the project, both "PIPELINE, DESTINATION" of release, or the
    rule of an alert; empty for retention and priority."""
    before: str
    after: str


@dataclass(frozen=True)
class Answer:
    """What one set of rules says of one study."""

    names: Set[str]
    """Of the rules that count for it."""
    destinations: Set[str]
    retained: str
    """The rule that decides how long it stays; empty: none does."""
    leaves: str
    """The same with when it leaves."""
    projects: Set[str]
    """To which rules of de-identification add it."""
    priority: int | None
    """The highest of its series; None: no rule of priority holds."""
    released: Mapping[str, str]
    """When results leave, by "PIPELINE, DESTINATION", where a rule says so."""
    alerts: Set[str]
    """Rules by which a finding raises an alert."""


@dataclass(frozen=True)
class Asked:
    """A set of rules, made ready for all studies."""

    rules: RuleSet
    retention: Retention
    destinations: Sequence[str]

    @classmethod
    def of(
        cls, storage: RetentionStorage, rules: RuleSet, now: datetime, destinations: Sequence[str]
    ) -> Self:
        return cls(rules, Retention(storage, rules.retention, now), destinations)

    def answer(
        self, study_instance_uid: str, facts: Sequence[SeriesFacts], by_pipeline: Found
    ) -> Answer:
        rules = self.rules
        findings = [one for of in by_pipeline.values() for one in of]
        released = list(releases(rules, by_pipeline, self.destinations))
        alerted = alerts(rules, by_pipeline)
        found = [ResultFacts(one, _of_series(one, findings), rules.critical) for one in facts]
        routing = [
            one
            for one in rules.routing
            if one.enabled and _any(one.when, _asked(one, facts, found))
        ]
        decided = self.retention.decide([study_instance_uid]) if rules.retention else []
        retained = decided[0].rule if decided else ""
        pipelines = {rule.pipeline for rule in rules.rules}
        rulings = (rule_on(rules, pipeline, one) for pipeline in pipelines for one in facts)
        names = {
            *(one.rule.name for one in rulings if one.rule is not None),
            *(one.name for one in routing),
            *(
                one.name
                for one in rules.priors
                if one.enabled and "study" in one.trigger and _any(one.when, facts)
            ),
        }
        urgent = [one for of in facts if (one := priority_on(rules, of)) is not None]
        projects = rules_that_hold(rules.deidentification, facts)
        names |= {one.name for one in projects}
        names |= {rule.name for *_, rule in released} | alerted
        return Answer(
            names | {one.name for one in urgent} | ({retained} - {""}),
            {to for one in routing for to in one.to},
            retained,
            _leaves(decided[0]) if decided else "",
            {name for one in projects for name in one.project},
            max((one.priority for one in urgent), default=None),
            {f"{pipeline}, {to}": rule.results for pipeline, to, rule in released},
            alerted,
        )


def _leaves(decision: RuleDecision) -> str:
    """Such as "CT after a year (2027-03-01, evict)": rule, day, whether it may be earlier."""
    when = "" if decision.leaves_at is None else decision.leaves_at.date().isoformat()
    terms = ", ".join(filter(None, (when, "evict" if decision.may_evict else "")))
    return f"{decision.rule} ({terms})" if terms else decision.rule


def _of_series(facts: SeriesFacts, findings: Sequence[Finding]) -> list[Finding]:
    uid = str(facts.headers[0].SeriesInstanceUID) if facts.headers else ""
    return [one for one in findings if one.series_instance_uid == uid]


def _asked(
    rule: RoutingRule, facts: Sequence[SeriesFacts], found: Sequence[Facts]
) -> Sequence[Facts]:
    """Of what the rule is asked: of each series, or of each instance alone."""
    if rule.send != "instance":
        return found
    return [each for one in facts for each in one.each()]


def _any(when: Condition | None, facts: Sequence[Facts]) -> bool:
    return any(when is None or judge(when, one).holds for one in facts)


def changes_between(study_instance_uid: str, now: Answer, then: Answer) -> Iterator[Change]:
    """Where it is sent, and by which rule it leaves."""
    for to in sorted(now.destinations ^ then.destinations):
        sent = (_sent(to in one.destinations) for one in (now, then))
        yield Change(study_instance_uid, "routing", to, *sent)
    if now.leaves != then.leaves:
        yield Change(study_instance_uid, "retention", "", now.leaves, then.leaves)
    for project in sorted(now.projects ^ then.projects):
        sides = ("in it" if project in one.projects else "not in it" for one in (now, then))
        yield Change(study_instance_uid, "deidentification", project, *sides)
    if now.priority != then.priority:
        stated = ("" if one is None else str(one) for one in (now.priority, then.priority))
        yield Change(study_instance_uid, "priority", "", *stated)
    for what in sorted(now.released.keys() | then.released.keys()):
        before, after = (one.released.get(what, "at_once") for one in (now, then))
        if before != after:
            yield Change(study_instance_uid, "release", what, before, after)
    for name in sorted(now.alerts ^ then.alerts):
        sides = ("alert" if name in one.alerts else "no alert" for one in (now, then))
        yield Change(study_instance_uid, "critical", name, *sides)


def _sent(is_sent: bool) -> str:
    return "sent" if is_sent else "not sent"
