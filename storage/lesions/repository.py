"""Lesions of studies, and their matches; what a person states is only ever added to."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, or_, select, update

from storage import tables as t
from storage.core.errors import NotFound
from storage.core.findings import Code
from storage.db.engine import reading, writing
from storage.db.row_mapping import fields_of
from storage.events.payloads import FindingEvent
from storage.events.repository import add_event
from storage.lesions.entities import Lesion, LesionMatch
from storage.reports.draft_queue import mark_report_due


class Lesions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace_for_job(
        self,
        job_id: str,
        lesions: Sequence[Lesion],
        matches: Sequence[LesionMatch],
        *,
        instead_of: Sequence[str] = (),
    ) -> None:
        """A job that runs again replaces what its earlier run found, and older jobs' lesions."""
        with writing(self._engine) as connection:
            replace_lesions(connection, [job_id, *instead_of], lesions, matches)

    def replace_edited(self, job_id: str, edit_job_id: str, lesions: Sequence[Lesion]) -> None:
        """What a person's edit of a job's masks left of its lesions, under the same identifiers."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.lesion).where(t.lesion.c.job_id == job_id))
            if lesions:
                connection.execute(insert(t.lesion), [asdict(one) for one in lesions])
            for column in (t.lesion_match.c.job_id, t.lesion_match.c.later_job_id):
                connection.execute(
                    update(t.lesion_match).where(column == job_id).values({column: edit_job_id})
                )

    def of_jobs(self, job_ids: Sequence[str]) -> list[Lesion]:
        query = (
            select(t.lesion)
            .where(t.lesion.c.job_id.in_(job_ids))
            .order_by(t.lesion.c.job_id, t.lesion.c.segment_number)
        )
        with reading(self._engine) as connection:
            return [_to_lesion(row) for row in connection.execute(query).mappings()]

    def get(self, lesion_id: str) -> Lesion:
        """Raises NotFound."""
        query = select(t.lesion).where(t.lesion.c.lesion_id == lesion_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound(
                "There is no lesion under that identifier.",
                remedy="GET /api/studies/{study_instance_uid}/lesions lists a study's.",
            )
        return _to_lesion(row)

    def matches(
        self, study_instance_uids: Sequence[str], job_ids: Sequence[str]
    ) -> list[LesionMatch]:
        """What people state of these as the later studies, and what these jobs computed.

        Oldest first, so that the last on a lesion counts.
        """
        query = (
            select(t.lesion_match)
            .where(
                t.lesion_match.c.study_instance_uid.in_(study_instance_uids),
                or_(t.lesion_match.c.job_id == "", t.lesion_match.c.job_id.in_(job_ids)),
            )
            .order_by(t.lesion_match.c.decided_at, t.lesion_match.c.match_id)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings()
            return [LesionMatch(**fields_of(LesionMatch, row)) for row in rows]

    def decide(self, match: LesionMatch) -> None:
        """What a person states: it counts before what was computed."""
        with writing(self._engine) as connection:
            connection.execute(insert(t.lesion_match).values(**asdict(match)))
            add_event(
                connection,
                match.decided_at,
                "finding",
                match.study_instance_uid,
                payload=FindingEvent(lesion_id=match.later_lesion_id, relation=match.relation),
            )
            mark_report_due(connection, match.study_instance_uid, match.decided_at)


def replace_lesions(
    connection: Connection,
    job_ids: Sequence[str],
    lesions: Sequence[Lesion],
    matches: Sequence[LesionMatch],
) -> None:
    """What was found instead of what earlier runs of these jobs did."""
    for table in (t.lesion, t.lesion_match):
        connection.execute(delete(table).where(table.c.job_id.in_(job_ids)))
    if lesions:
        connection.execute(insert(t.lesion), [asdict(one) for one in lesions])
    if matches:
        connection.execute(insert(t.lesion_match), [asdict(one) for one in matches])


def _to_lesion(row: RowMapping) -> Lesion:
    return Lesion(**{**fields_of(Lesion, row), "type": Code(**row["type"])})
