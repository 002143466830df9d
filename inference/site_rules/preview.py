"""What rules would do: which of the newest studies each holds for, and what would change."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from inference.model_registry.status import offered
from inference.pipeline import Pipeline, runs_on_request
from inference.priors.arrived_headers import headers_of
from inference.retention.assessment import Retention
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge, rule_on
from inference.rules.routing_rule import RoutingRule
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.core.sources import senders_of

Section = Literal["rules", "routing", "retention", "priors"]
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
    of retention, by which rule it leaves (empty: by none)."""

    study_instance_uid: str
    section: Section
    what: str
    """The pipeline, or the destination; empty for retention."""
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


def preview_rules(
    storage: Storage, tried: RuleSet, in_force: RuleSet, studies: int, within_s: float
) -> Preview:
    """Ask two sets of rules about the newest studies; nothing is stored, scheduled or sent.

    Of a pipeline's rules, and of those of retention, the one that decides counts. Rules of release
    and of alerts are about results, and are not asked. A
    study is looked at whole, however long that takes.
    """
    ends_at = time.monotonic() + within_s
    rules = _named(tried)
    preview = Preview(0, False, list(rules.values()), [])
    for study_instance_uid in _newest(storage, studies):
        if time.monotonic() >= ends_at:
            preview.is_cut_short = True
            break
        try:
            look = _Look(storage, study_instance_uid, tried, in_force)
            for name in look.holding(tried):
                rules[name].note(study_instance_uid)
            changes = list(look.changes())
        except NotFound:
            # It was deleted meanwhile.
            continue
        preview.studies += 1
        preview.unreadable += look.unreadable
        preview.more_changes += max(0, len(preview.changes) + len(changes) - _CHANGES)
        preview.changes = (preview.changes + changes)[:_CHANGES]
    return preview


def _newest(storage: Storage, studies: int) -> Iterator[str]:
    for offset in range(0, studies, _AT_ONCE):
        found, total = storage.index.studies(min(_AT_ONCE, studies - offset), offset)
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
    )
    return {
        one.name: RulePreview(section, one.name) for section, named in sections for one in named
    }


class _Look:
    """At one study, with both sets of rules."""

    def __init__(self, storage: Storage, uid: str, tried: RuleSet, in_force: RuleSet) -> None:
        self._storage = storage
        self._uid = uid
        self._tried, self._in_force = tried, in_force
        self.unreadable = 0
        self._facts = list(self._read())

    def _read(self) -> Iterator[SeriesFacts]:
        """Of each series that rules are asked about."""
        for series in self._storage.index.series_of(self._uid):
            if series.origin == "generated":
                continue
            instances = self._storage.index.instances_of(self._uid, series.series_instance_uid)
            headers = headers_of(self._storage.instances, series, instances)
            if headers is None:
                self.unreadable += 1
            else:
                yield SeriesFacts(headers, senders_of(instances))

    def holding(self, rules: RuleSet) -> Iterator[str]:
        """Names of the rules that count for the study."""
        for pipeline in {rule.pipeline for rule in rules.rules}:
            rulings = (rule_on(rules, pipeline, facts) for facts in self._facts)
            yield from {one.rule.name for one in rulings if one.rule is not None}
        yield from (rule.name for rule in self._routing(rules))
        for prior in rules.priors:
            if prior.enabled and "study" in prior.trigger and self._any(prior.when):
                yield prior.name
        if retained := self._retained(rules):
            yield retained

    def changes(self) -> Iterator[Change]:
        """What becomes otherwise with the rules that are tried."""
        yield from self._pipelines()
        before, after = (
            {to for rule in self._routing(rules) for to in rule.to} for rules in self._both
        )
        for to in sorted(before ^ after):
            yield Change(self._uid, "routing", to, _sent(to in before), _sent(to in after))
        was, becomes = (self._retained(rules) for rules in self._both)
        if was != becomes:
            yield Change(self._uid, "retention", "", was, becomes)

    @property
    def _both(self) -> tuple[RuleSet, RuleSet]:
        return self._in_force, self._tried

    def _pipelines(self) -> Iterator[Change]:
        """Only where a pipeline accepts a series: what it refuses no rule can make it run on."""
        storage = self._storage
        known = offered(storage.settings, storage.model_states)
        asked = [one.pipeline for one in known if self._rulings_differ(one.pipeline)]
        if not asked:
            return
        before, after = (
            explain_study(
                storage.settings,
                storage.index,
                storage.instances,
                storage.model_states,
                results_in(storage),
                self._uid,
                rules,
                asked,
            )
            for rules in self._both
        )
        runs = [
            {one.pipeline for one in explained if one.would_run} for explained in (before, after)
        ]
        for name in sorted(runs[0] ^ runs[1]):
            yield Change(self._uid, "rules", name, _run(name in runs[0]), _run(name in runs[1]))

    def _rulings_differ(self, pipeline: Pipeline) -> bool:
        return any(
            len(
                {
                    rule_on(
                        rules, pipeline.name, facts, on_request=runs_on_request(pipeline)
                    ).allowed
                    for rules in self._both
                }
            )
            > 1
            for facts in self._facts
        )

    def _routing(self, rules: RuleSet) -> list[RoutingRule]:
        return [rule for rule in rules.routing if rule.enabled and self._any(rule.when)]

    def _any(self, when: Condition | None) -> bool:
        if when is None:
            return bool(self._facts)
        return any(judge(when, facts).holds for facts in self._facts)

    def _retained(self, rules: RuleSet) -> str:
        """The rule that decides how long it stays; empty: none does."""
        if not rules.retention:
            return ""
        decided = Retention(self._storage, rules.retention, utcnow()).decide([self._uid])
        return decided[0].rule if decided else ""


def _run(does: bool) -> str:
    return "runs" if does else "does not run"


def _sent(is_sent: bool) -> str:
    return "sent" if is_sent else "not sent"
