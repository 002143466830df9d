"""Which studies to list: conditions over the index and the ledger, for both databases.

The state of a study is derived from its series, jobs, decisions and deliveries.
`api.studies.state` says it in words for those that are shown; here the database says
it for all, and a test holds the two to each other.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, and_, case, or_, select

from storage import tables as t
from storage.core.entities import JobStatus, Study, StudyState
from storage.core.text.bounded_text import indexed_name
from storage.db.keyset import Keyset, KeyValue, SortColumn
from storage.jobs.listing import has_status
from storage.reports.entities import ReportState

SortKey = Literal[
    "received_at", "updated_at", "study_date", "patient_name", "patient_id", "accession_number"
]
SORT_KEYS: tuple[SortKey, ...] = get_args(SortKey)
Ordering = list[ColumnElement[Any]]
"""For `Index.studies`."""


@dataclass(frozen=True)
class StudyFilter:
    """What a study must be; None and empty ask nothing."""

    states: frozenset[StudyState] = frozenset()
    modalities: frozenset[str] = frozenset()
    """At least one series has one of these."""
    study_date_from: date | None = None
    study_date_to: date | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None
    reports: frozenset[ReportState | Literal["none"]] = frozenset()
    """Its report is in one of these states, or there is none."""
    is_critical: bool = False
    """A critical finding waits for somebody to acknowledge it."""
    reader_ids: frozenset[str] = frozenset()
    """Identities, of which one reads it; empty text: nobody does."""
    awaits_release: bool = False
    """Results of it leave once a person has accepted them."""
    patient_id: str = ""
    accession_number: str = ""
    updated_since: datetime | None = None
    """Something of it arrived, or an event was about it, since then."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """For `Index.studies`."""
        found: list[ColumnElement[bool]] = []
        study = t.study.c
        if self.states:
            found.append(study_state().in_(sorted(self.states)))
        if self.modalities:
            found.append(_has_series(t.series.c.modality.in_(sorted(self.modalities))))
        found += self._times()
        if self.reports:
            found.append(_report_in(self.reports))
        if self.is_critical:
            of_study = t.alert.c.study_instance_uid == study.study_instance_uid
            found.append(_exists(t.alert, of_study, t.alert.c.state == "OPEN"))
        if self.reader_ids:
            found.append(study.reader_id.in_(sorted(self.reader_ids)))
        if self.awaits_release:
            of_study = t.delivery.c.study_instance_uid == study.study_instance_uid
            found.append(_exists(t.delivery, of_study, t.delivery.c.state == "AWAITING_RELEASE"))
        if self.patient_id:
            found.append(t.patient.c.patient_id == self.patient_id)
        if self.updated_since is not None:
            events = select(t.event.c.study_instance_uid).where(t.event.c.at >= self.updated_since)
            found.append(
                or_(study.updated_at >= self.updated_since, study.study_instance_uid.in_(events))
            )
        if self.accession_number:
            found.append(study.accession_number == self.accession_number)
        return found

    def _times(self) -> Iterator[ColumnElement[bool]]:
        study = t.study.c
        if self.study_date_from is not None:
            yield study.study_date >= f"{self.study_date_from:%Y%m%d}"
        if self.study_date_to is not None:
            # A study without a date is in no range of dates.
            yield study.study_date.between("0", f"{self.study_date_to:%Y%m%d}")
        if self.received_from is not None:
            yield study.received_at >= self.received_from
        if self.received_before is not None:
            yield study.received_at < self.received_before


def study_order(key: SortKey, *, descending: bool) -> Keyset[Study]:
    """For `Index.studies`; what is equal stands newest first."""
    sorted_by = SortColumn[Study](
        _sort_column(key), _SORT_VALUES[key], datetime if key.endswith("_at") else str, descending
    )
    return Keyset(
        f"studies {key} {'desc' if descending else 'asc'}",
        (
            sorted_by,
            SortColumn(
                t.study.c.received_at, lambda study: study.received_at, datetime, falls=True
            ),
            SortColumn(
                t.study.c.study_instance_uid, lambda study: study.study_instance_uid, falls=True
            ),
        ),
    )


def order_by(key: SortKey, *, descending: bool) -> Ordering:
    """The same without what comes after the first column."""
    return study_order(key, descending=descending).order()[:1]


def _sort_column(key: SortKey) -> ColumnElement[Any]:
    table = t.patient if key == "patient_id" else t.study
    return table.c["patient_name_folded" if key == "patient_name" else key]


_SORT_VALUES: Mapping[SortKey, Callable[[Study], KeyValue]] = {
    "received_at": lambda study: study.received_at,
    "updated_at": lambda study: study.updated_at,
    "study_date": lambda study: study.study_date,
    "patient_name": lambda study: indexed_name(study.patient_name),
    "patient_id": lambda study: study.patient_id,
    "accession_number": lambda study: study.accession_number,
}


def study_state() -> ColumnElement[StudyState]:
    """The state of the row of `study`: what moves first, then what came of it."""
    deliveries = and_(
        t.delivery.c.study_instance_uid == t.study.c.study_instance_uid,
        t.delivery.c.cause == "RESULT",
    )
    decisions = t.decision.c.study_instance_uid == t.study.c.study_instance_uid
    accepted = _exists(t.decision, decisions, t.decision.c.accepted.is_(True))
    refused = _exists(t.decision, decisions, t.decision.c.accepted.is_(False))
    delivered = and_(
        _exists(t.delivery, deliveries, t.delivery.c.state == "CONFIRMED"),
        ~_exists(
            t.delivery,
            deliveries,
            t.delivery.c.state.not_in(("CONFIRMED", "WITHHELD", "CANCELLED")),
        ),
    )
    receiving = _has_series(t.series.c.origin == "received", t.series.c.state == "RECEIVING")
    return case(
        (receiving, "RECEIVING"),
        (_newest_job("IN PROGRESS"), "RUNNING"),
        (_newest_job("SCHEDULED"), "QUEUED"),
        (and_(_newest_job("COMPLETED"), delivered), "DELIVERED"),
        (_newest_job("COMPLETED"), "RESULTS"),
        (_newest_job("FAILED"), "FAILED"),
        (and_(refused, ~accepted), "REFUSED"),
        else_="COMPLETE",
    )


def _report_in(states: frozenset[ReportState | Literal["none"]]) -> ColumnElement[bool]:
    of_study = t.report.c.study_instance_uid == t.study.c.study_instance_uid
    found = [_exists(t.report, of_study, t.report.c.state.in_(sorted(states - {"none"})))]
    if "none" in states:
        found.append(~_exists(t.report, of_study))
    return or_(*found)


def _newest_job(status: JobStatus) -> ColumnElement[bool]:
    """Of each series and pipeline only the newest job counts; the older is history."""
    later = t.job.alias("later")
    overtaken = (
        select(later.c.job_id)
        .where(
            later.c.study_instance_uid == t.job.c.study_instance_uid,
            later.c.series_instance_uid == t.job.c.series_instance_uid,
            later.c.pipeline == t.job.c.pipeline,
            or_(
                later.c.created_at > t.job.c.created_at,
                and_(later.c.created_at == t.job.c.created_at, later.c.job_id > t.job.c.job_id),
            ),
        )
        .correlate(t.job)
        .exists()
    )
    return _exists(
        t.job,
        t.job.c.study_instance_uid == t.study.c.study_instance_uid,
        *has_status(status),
        ~overtaken,
    )


def _has_series(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return _exists(t.series, t.series.c.study_fk == t.study.c.id, *conditions)


def _exists(table: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(table.c[table.primary_key.columns.keys()[0]])
        .where(*conditions)
        .correlate(t.study)
        .exists()
    )
