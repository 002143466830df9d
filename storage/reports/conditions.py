"""Conditions for `storage.findings.search.find_reports`."""

from collections.abc import Collection

from storage import tables as t
from storage.db.conditions import Condition, TimeSpan, at_time


def report_id_is(report_id: str) -> Condition:
    return t.report.c.report_id == report_id


def report_state_in(states: Collection[str]) -> Condition:
    return t.report.c.state.in_(states)


def report_superseded(superseded: bool) -> Condition:
    """Whether results were withdrawn since a person wrote or signed it."""
    column = t.report.c.superseded_at
    return column.is_not(None) if superseded else column.is_(None)


def report_of_study(study_instance_uid: str) -> Condition:
    return t.report.c.study_instance_uid == study_instance_uid


def report_updated(span: TimeSpan) -> Condition:
    return at_time(t.report.c.updated_at, span)
