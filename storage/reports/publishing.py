"""Which reports have a version, or the withdrawal of results, that has not left the node yet."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import Engine, Select, and_, or_, select, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.reports.entities import Report
from storage.reports.row_mapping import to_report

_REPORT = t.report.c
# In the words of the index `ix_report_to_publish`, by which the few that wait are found at once.
_TO_PUBLISH = or_(
    _REPORT.publish_version > _REPORT.published_version,
    and_(
        _REPORT.superseded_at.is_not(None),
        or_(
            _REPORT.withdrawal_notified_at.is_(None),
            _REPORT.withdrawal_notified_at != _REPORT.superseded_at,
        ),
    ),
)


class ReportPublishing:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def to_publish(self, limit: int, but: AbstractSet[str] = frozenset()) -> Sequence[Report]:
        """Those of which a version is to leave the node, or the word that results under it were
        withdrawn; the oldest change first. `but`: reports to leave out."""
        with reading(self._engine) as connection:
            rows = connection.execute(waiting(limit, but))
            return [to_report(row) for row in rows.mappings()]

    def published(self, report_id: str, version: int) -> None:
        """That version has been handed to all who are to have it."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.report)
                .where(_REPORT.report_id == report_id)
                .values(published_version=version)
            )

    def withdrawal_notified(self, report: Report) -> None:
        """Those who have the version were notified; not of what was withdrawn since it was read."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.report)
                .where(
                    _REPORT.report_id == report.report_id,
                    _REPORT.publish_version == report.publish_version,
                )
                .values(withdrawal_notified_at=report.superseded_at)
            )


def waiting(limit: int, but: AbstractSet[str]) -> Select[tuple[object, ...]]:
    query = select(t.report).where(_TO_PUBLISH).order_by(_REPORT.updated_at).limit(limit)
    return query.where(_REPORT.report_id.not_in(but)) if but else query
