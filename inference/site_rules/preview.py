"""What rules would do: which of the newest studies each holds for, and what would change."""

import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, Self

from inference.model_registry.status import offered
from inference.pipeline import Pipeline, runs_on_request
from inference.priors.arrived_headers import headers_of
from inference.projects.added_by_rule import rules_that_hold
from inference.retention.assessment import Retention, RetentionStorage
from inference.routing.service import received_series
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import Facts, judge, priority_on, rule_on
from inference.rules.order_facts import Orders
from inference.rules.routing_rule import RoutingRule
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import DecisionStorage, results_in
from inference.scheduling.explain import explain_study
from storage.container.has import HasFindings
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

Section = Literal["rules", "routing", "retention", "priors", "priority", "deidentification"]
"""The sections of the file whose rules are asked about studies."""
_EXAMPLES = 5
_CHANGES = 500
_AT_ONCE = 50


@dataclass
class RulePreview:
    """One rule of the file that is tried."""

    section: Section
    name: str
    studies: int = 0
    """For how many it holds."""
    examples: list[str] = field(default_factory=list)
    """Study Instance UIDs of the newest of them."""

    def note(self, study_instance_uid: str) -> None:
        self.studies += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(study_instance_uid)


@dataclass(frozen=True)
class Change:
    """What would be otherwise for one study. `before` and `after` say whether it runs or is sent;
    of retention, by which rule it leaves (empty: by none); of priority, which number it has."""

    study_instance_uid: str
    section: Section
    what: str
    """The pipeline, the destination or the project; empty for retention and priority."""
    before: str
    after: str


@dataclass
class Preview:
    studies: int
    """How many were looked at, the newest first."""
    is_cut_short: bool
    """The time was over before as many were seen as were asked for."""
    rules: list[RulePreview]
    changes: list[Change]
    unreadable: int = 0
    """Series whose headers could not be read: no condition holds for them."""
    more_changes: int = 0
    """How many are not in `changes`."""


class PreviewStorage(DecisionStorage, RetentionStorage, HasFindings, Protocol):
    """What of the storage layer two sets of rules are asked with."""


def preview_rules(
    storage: PreviewStorage, tried: RuleSet, in_force: RuleSet, studies: int, within_s: float
) -> Preview:
    """Ask two sets of rules about the newest studies; nothing is stored, scheduled or sent.

    What was received and is complete is asked about. Of a pipeline's rules, and of those of
    retention, the one that decides counts. Rules of release and of alerts are about results, and
    are not asked. A study is looked at whole, however long that takes.
    """
    ends_at = time.monotonic() + within_s
    named = _named(tried)
    now = utcnow()
    before, after = (_Asked.of(storage, rules, now) for rules in (in_force, tried))
    pipelines = [one.pipeline for one in offered(storage.settings, storage.model_states)]
    preview = Preview(0, False, list(named.values()), [])
    for study_instance_uid in _newest(storage.index, studies):
        if time.monotonic() >= ends_at:
            preview.is_cut_short = True
            break
        try:
            facts, unreadable = _facts(
                storage.index, storage.instances, storage.worklist, study_instance_uid
            )
            findings = storage.findings.of_study(study_instance_uid)
            then = after.answer(study_instance_uid, facts, findings)
            changes = [
                *_runs(storage, study_instance_uid, facts, pipelines, before.rules, after.rules),
                *_goes(
                    study_instance_uid, before.answer(study_instance_uid, facts, findings), then
                ),
            ]
        except NotFound:
            # It was deleted meanwhile.
            continue
        for name in then.names:
            named[name].note(study_instance_uid)
        preview.studies += 1
        preview.unreadable += unreadable
        preview.more_changes += max(0, len(preview.changes) + len(changes) - _CHANGES)
        preview.changes = (preview.changes + changes)[:_CHANGES]
    return preview


def _newest(index: Index, studies: int) -> Iterator[str]:
    for offset in range(0, studies, _AT_ONCE):
        found, total = index.studies(min(_AT_ONCE, studies - offset), offset)
        yield from (one.study_instance_uid for one in found)
        if offset + _AT_ONCE >= total:
            return


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _named(rules: RuleSet) -> dict[str, RulePreview]:
    sections: tuple[tuple[Section, Sequence[_Named]], ...] = (
        ("rules", rules.rules),
        ("routing", rules.routing),
        ("retention", rules.retention),
        ("priors", rules.priors),
        ("priority", rules.priority),
        ("deidentification", rules.deidentification),
    )
    return {
        one.name: RulePreview(section, one.name) for section, named in sections for one in named
    }


def _facts(
    index: Index, instance_reader: InstanceReader, orders: Orders, study_instance_uid: str
) -> tuple[list[SeriesFacts], int]:
    """Of each series that rules are asked about, and how many cannot be read. Raises NotFound."""
    index.study(study_instance_uid)
    received = received_series(index, study_instance_uid)
    read = [
        (headers_of(instance_reader, series, instances), instances)
        for series, instances in received
    ]
    facts = [
        SeriesFacts.received(headers, instances, orders)
        for headers, instances in read
        if headers is not None
    ]
    return facts, len(read) - len(facts)


@dataclass(frozen=True)
class _Answer:
    """What one set of rules says of one study."""

    names: Set[str]
    """Of the rules that count for it."""
    destinations: Set[str]
    retained: str
    """The rule that decides how long it stays; empty: none does."""
    projects: Set[str]
    """To which rules of de-identification add it."""
    priority: int | None
    """The highest of its series; None: no rule of priority holds."""


@dataclass(frozen=True)
class _Asked:
    """A set of rules, made ready for all studies."""

    rules: RuleSet
    retention: Retention

    @classmethod
    def of(cls, storage: RetentionStorage, rules: RuleSet, now: datetime) -> Self:
        return cls(rules, Retention(storage, rules.retention, now))

    def answer(
        self, study_instance_uid: str, facts: Sequence[SeriesFacts], findings: Sequence[Finding]
    ) -> _Answer:
        rules = self.rules
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
        return _Answer(
            names | {one.name for one in urgent} | ({retained} - {""}),
            {to for one in routing for to in one.to},
            retained,
            {name for one in projects for name in one.project},
            max((one.priority for one in urgent), default=None),
        )


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


def _goes(study_instance_uid: str, now: _Answer, then: _Answer) -> Iterator[Change]:
    """Where it is sent, and by which rule it leaves."""
    for to in sorted(now.destinations ^ then.destinations):
        sent = (_sent(to in one.destinations) for one in (now, then))
        yield Change(study_instance_uid, "routing", to, *sent)
    if now.retained != then.retained:
        yield Change(study_instance_uid, "retention", "", now.retained, then.retained)
    for project in sorted(now.projects ^ then.projects):
        sides = ("in it" if project in one.projects else "not in it" for one in (now, then))
        yield Change(study_instance_uid, "deidentification", project, *sides)
    if now.priority != then.priority:
        stated = ("" if one is None else str(one) for one in (now.priority, then.priority))
        yield Change(study_instance_uid, "priority", "", *stated)


def _runs(
    storage: DecisionStorage,
    study_instance_uid: str,
    facts: Sequence[SeriesFacts],
    pipelines: Sequence[Pipeline],
    in_force: RuleSet,
    tried: RuleSet,
) -> Iterator[Change]:
    """Only where a pipeline accepts a series: what it refuses no rule can make it run on."""

    def allowed(rules: RuleSet, pipeline: Pipeline) -> list[bool]:
        on_request = runs_on_request(pipeline)
        return [rule_on(rules, pipeline.name, one, on_request=on_request).allowed for one in facts]

    asked = [one for one in pipelines if allowed(in_force, one) != allowed(tried, one)]
    if not asked:
        return
    now, then = (
        {
            one.pipeline
            for one in explain_study(
                storage.settings,
                storage.index,
                storage.instances,
                storage.worklist,
                storage.model_states,
                results_in(storage),
                study_instance_uid,
                rules,
                asked,
            )
            if one.would_run
        }
        for rules in (in_force, tried)
    )
    for name in sorted(now ^ then):
        yield Change(study_instance_uid, "rules", name, _run(name in now), _run(name in then))


def _run(does: bool) -> str:
    return "runs" if does else "does not run"


def _sent(is_sent: bool) -> str:
    return "sent" if is_sent else "not sent"
