"""Critical findings: what the site's rules say must not wait until somebody reads the report."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.findings.facts import Fact
from inference.pipelines.catalogue import catalogue
from inference.reports.evidence import facts_of
from inference.reports.locale import Locale, load_locale
from inference.rules.critical_rule import CriticalRule
from inference.rules.file import current_rules
from storage.container.has import (
    HasCriticalAlerts,
    HasFindingFeedback,
    HasFindings,
    HasJobs,
    HasRetrospectiveRuns,
    HasSettings,
)
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.entities import ReportSentence
from storage.settings import Settings

log = structlog.get_logger(__name__)


class AlertStorage(
    HasSettings,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasCriticalAlerts,
    HasRetrospectiveRuns,
    Protocol,
):
    """What of the storage layer critical alerts are raised with."""


def raise_alerts(storage: AlertStorage, study_instance_uid: str) -> int:
    """An alert for each finding that a rule calls critical; how many are new.

    None of what a run over stored studies found whose results stay here.
    """
    rules = _rules(storage.settings)
    locale = load_locale(storage.settings.report_language)
    if not rules:
        return 0
    new = 0
    quiet = storage.retrospective_runs.quiet_jobs(study_instance_uid)
    for fact in facts_of(
        storage.jobs, storage.findings, storage.finding_feedback, study_instance_uid
    ):
        if fact.finding.job_id in quiet:
            continue
        for rule in rules:
            if not _is_critical(fact, rule):
                continue
            new += storage.critical_alerts.rise(
                study_instance_uid,
                fact.finding.finding_id,
                rule.name,
                _text(locale, fact, rule),
                storage.settings.alert_repeat_s,
            )
    if new:
        log.warning("alert_raised", study_instance_uid=study_instance_uid, count=new)
    return new


def critical_sentences(
    settings: Settings, facts: Sequence[Fact], locale: Locale
) -> tuple[ReportSentence, ...]:
    """What an impression begins with: each finding that a rule calls critical, in words."""
    rules = _rules(settings)
    return tuple(
        ReportSentence(
            locale.fill(locale.words["critical"], {"text": _text(locale, fact, rule)}),
            (fact.finding.finding_id,),
        )
        for fact in facts
        for rule in [one for one in rules if _is_critical(fact, one)][:1]
    )


def _rules(settings: Settings) -> tuple[CriticalRule, ...]:
    return (*current_rules(settings).critical, *_of_cards(settings))


def _of_cards(settings: Settings) -> list[CriticalRule]:
    """What the cards of models call critical; a rule of the site may say more, never less."""
    return [
        CriticalRule(
            name=f"{pipeline.name} {number}"[:80],
            pipeline=pipeline.name,
            finding=limit.finding,
            above=limit.above,
            below=limit.below,
            confidence_at_least=limit.confidence_at_least,
            text=limit.text,
        )
        for pipeline in catalogue(settings)
        for number, limit in enumerate(pipeline.card.critical, 1)
    ]


def repeat_alerts(settings: Settings, alerts: CriticalAlerts, now: datetime) -> int:
    return alerts.repeat_due(now, settings.alert_repeat_s, settings.alert_repeat_max)


def _is_critical(fact: Fact, rule: CriticalRule) -> bool:
    return rule.is_met(fact.finding, fact.value, fact.is_truncated)


def _text(locale: Locale, fact: Fact, rule: CriticalRule) -> str:
    """What was found and which rule says so; the rule's own words where it has any."""
    value = "" if fact.value is None else locale.quantity(fact.value, fact.finding.unit)
    if fact.is_truncated:
        value = locale.part_of(value)
    elif fact.is_implausible:
        value = locale.doubted(value)
    stated = f"{locale.label(fact.finding.label)} {value}".strip()
    return f"{rule.text.rstrip('.')}: {stated}." if rule.text else f"{stated} ({rule.name})."
