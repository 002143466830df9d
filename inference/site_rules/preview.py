"""What rules would do: which of the newest studies each holds for, and what would change."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inference.deliveries.release import found_in_study
from inference.model_registry.status import offered
from inference.pipeline import Pipeline, runs_on_request
from inference.priors.arrived_headers import headers_of
from inference.retention.assessment import RetentionStorage
from inference.routing.service import received_series
from inference.rules.facts import SeriesFacts
from inference.rules.judge import rule_on
from inference.rules.order_facts import Orders
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import DecisionStorage, results_in
from inference.scheduling.explain import explain_study
from inference.site_rules.answers import Asked, Change, Section, changes_between
from storage.container.has import HasPeers
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

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


class PreviewStorage(DecisionStorage, RetentionStorage, HasPeers, Protocol):
    """What of the storage layer two sets of rules are asked with."""


def preview_rules(
    storage: PreviewStorage, tried: RuleSet, in_force: RuleSet, studies: int, within_s: float
) -> Preview:
    """Ask two sets of rules about the newest studies; nothing is stored, scheduled or sent.

    What was received and is complete is asked about, and of rules of release and of alerts the
    results that are there. Of a pipeline's rules, and of those of retention and of release, the one
    that decides counts. A study is looked at whole, however long that takes.
    """
    ends_at = time.monotonic() + within_s
    named = _named(tried)
    now = utcnow()
    destinations = [one.name for one in storage.peers.destinations()]
    before, after = (Asked.of(storage, rules, now, destinations) for rules in (in_force, tried))
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
            findings = found_in_study(storage.jobs, storage.findings, study_instance_uid)
            then = after.answer(study_instance_uid, facts, findings)
            changes = [
                *_runs(storage, study_instance_uid, facts, pipelines, before.rules, after.rules),
                *changes_between(
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
        ("release", rules.release),
        ("critical", rules.critical),
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
