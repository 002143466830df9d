"""Put studies into research projects by the site's rules, when they are complete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.priors.arrived_headers import headers_of
from inference.projects.selection import add_studies
from inference.routing.service import received_series
from inference.rules.deidentification_rule import DeidentificationRule
from inference.rules.facts import SeriesFacts
from inference.rules.judge import Facts, judge
from inference.rules.rule_set import RuleSet
from storage.audit import NODE, SUCCESS, AuditEvent, Code
from storage.container.has import HasAudit, HasIndex, HasInstances, HasWorklist
from storage.core.errors import NotFound
from storage.projects.repository import Projects

log = structlog.get_logger(__name__)


class ProjectRuleStorage(HasIndex, HasInstances, HasWorklist, HasAudit, Protocol):
    """What of the storage layer studies are added to projects with."""

    @property
    def projects(self) -> Projects: ...


def rules_that_hold(
    rules: Sequence[DeidentificationRule], facts: Sequence[Facts]
) -> list[DeidentificationRule]:
    """`facts`: of each series of one study."""
    return [
        rule
        for rule in rules
        if rule.enabled and any(rule.when is None or judge(rule.when, one).holds for one in facts)
    ]


def add_complete_study(
    storage: ProjectRuleStorage, study_instance_uid: str, rules: RuleSet, now: datetime
) -> int:
    """Ask the rules about what was received of a study, and add it to their projects.

    To how many. Raises StorageUnavailable.
    """
    if not rules.deidentification:
        return 0
    facts = []
    for series, instances in received_series(storage.index, study_instance_uid):
        headers = headers_of(storage.instances, series, instances)
        if headers is not None:
            facts.append(SeriesFacts.received(headers, instances, storage.worklist))
    holding = rules_that_hold(rules.deidentification, facts)
    return add_by_rules(storage, study_instance_uid, holding, now)


def add_by_rules(
    storage: ProjectRuleStorage,
    study_instance_uid: str,
    rules: Sequence[DeidentificationRule],
    now: datetime,
) -> int:
    """To how many projects the study was added, in which it was not yet.

    No consent is recorded: a rule cannot know of one. A name that no project has is logged.
    """
    added = 0
    for rule in rules:
        for name in rule.project:
            try:
                project = storage.projects.get(name)
            except NotFound:
                log.warning("rule_names_no_project", rule=rule.name, project=name)
                continue
            if storage.projects.consent(project, study_instance_uid) is not None:
                continue
            added += add_studies(
                storage.projects,
                storage.index,
                project,
                [study_instance_uid],
                has_consent=False,
                added_by=rule.name,
                now=now,
            )
            log.info("study_added_to_project", rule=rule.name, project=name)
            storage.audit.record(
                AuditEvent(
                    Code.EXPORT,
                    "U",
                    NODE,
                    outcome=SUCCESS,
                    study_instance_uids=(study_instance_uid,),
                    detail={"project": name, "rule": rule.name, "consent": "not recorded"},
                )
            )
    return added
