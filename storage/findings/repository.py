"""Findings: what a job measured, typed and coded."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from storage import tables as t
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.findings.row_mapping import to_finding
from storage.search.passages import FINDING, forget, note_findings


class Findings:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace_for_job(self, job_id: str, findings: Sequence[Finding]) -> None:
        """A job that runs again replaces what its earlier run found."""
        with writing(self._engine) as connection:
            replace_findings(connection, job_id, findings)

    def compare_again(self, findings: Sequence[Finding]) -> None:
        """What these were before, and their caveats, instead of what is stored of it."""
        with writing(self._engine) as connection:
            for one in findings:
                connection.execute(
                    update(t.finding)
                    .where(t.finding.c.finding_id == one.finding_id)
                    .values(
                        prior=null() if one.prior is None else asdict(one.prior),
                        validity=null() if one.validity is None else asdict(one.validity),
                    )
                )
            # What people have stated of the others stands in their passages.
            ids = [one.finding_id for one in findings]
            given = connection.execute(
                select(t.finding_feedback.c.finding_id).where(
                    t.finding_feedback.c.finding_id.in_(ids)
                )
            )
            stated = set(given.scalars())
            note_findings(connection, [one for one in findings if one.finding_id not in stated])

    def of_study(self, study_instance_uid: str) -> list[Finding]:
        """Those that count: of each series and pipeline the newest job's.

        A late instance gives a revised result; both beside each other would contradict.
        """
        return self._where(t.finding.c.study_instance_uid == study_instance_uid, _newest())

    def results_taken_by(self, job_ids: Collection[str]) -> dict[str, set[str]]:
        """By job, the jobs whose results it took; those that took none are left out."""
        taken: dict[str, set[str]] = {}
        with reading(self._engine) as connection:
            for portion in in_portions(sorted(job_ids)):
                rows = connection.execute(
                    select(t.job_input.c.job_id, t.job_input.c.upstream_job_id).where(
                        t.job_input.c.job_id.in_(portion), t.job_input.c.upstream_job_id != ""
                    )
                )
                for row in rows:
                    taken.setdefault(row.job_id, set()).add(row.upstream_job_id)
        return taken

    def of_job(self, job_id: str) -> list[Finding]:
        return self._where(t.finding.c.job_id == job_id)

    def get(self, finding_id: str) -> Finding:
        """Raises NotFound."""
        found = self._where(t.finding.c.finding_id == finding_id)
        if not found:
            raise NotFound(
                "There is no finding under that identifier.",
                remedy="GET /api/studies/{study_instance_uid}/findings lists a study's.",
            )
        return found[0]

    def named(self, finding_ids: Sequence[str]) -> list[Finding]:
        """Those of the findings that are there, whatever their study."""
        return self._where(t.finding.c.finding_id.in_(finding_ids))

    def of_studies(self, study_instance_uids: Sequence[str]) -> dict[str, list[Finding]]:
        """The findings of several studies at once."""
        found: dict[str, list[Finding]] = {uid: [] for uid in study_instance_uids}
        for finding in self._where(
            t.finding.c.study_instance_uid.in_(study_instance_uids), _newest()
        ):
            found[finding.study_instance_uid].append(finding)
        return found

    def matching(
        self, conditions: Sequence[ColumnElement[bool]], limit: int, after: Finding | None = None
    ) -> list[Finding]:
        """Those that count, of any study, by identifier; `after` begins where a page ended."""
        further = () if after is None else (t.finding.c.finding_id > after.finding_id,)
        query = select(t.finding).where(*conditions, *further, _newest())
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.finding.c.finding_id).limit(limit))
            return [to_finding(row) for row in rows.mappings()]

    def counts(self, study_instance_uids: list[str]) -> dict[str, int]:
        """How many findings each of the studies has."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.finding.c.study_instance_uid, func.count())
                .where(t.finding.c.study_instance_uid.in_(study_instance_uids), _newest())
                .group_by(t.finding.c.study_instance_uid)
            )
            found = {uid: count for uid, count in rows}  # noqa: C416 - Row is no pair to mypy
        return {uid: found.get(uid, 0) for uid in study_instance_uids}

    def _where(self, *conditions: ColumnElement[bool]) -> list[Finding]:
        query = select(t.finding).where(*conditions)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.finding.c.created_at, t.finding.c.label))
            return [to_finding(row) for row in rows.mappings()]


def replace_findings(connection: Connection, job_id: str, findings: Sequence[Finding]) -> None:
    """What a job found, instead of what an earlier run of it did."""
    earlier = connection.execute(select(t.finding.c.finding_id).where(t.finding.c.job_id == job_id))
    forget(connection, FINDING, list(earlier.scalars()))
    connection.execute(delete(t.finding).where(t.finding.c.job_id == job_id))
    if findings:
        connection.execute(insert(t.finding), [asdict(finding) for finding in findings])
        note_findings(connection, findings)


def _newest() -> ColumnElement[bool]:
    """A finding carries the time of its job's creation, by which the newest job is known.

    What a superseded job found is withdrawn, even while nothing stands in its place. One that was
    cancelled or failed has no results, though it was about to end with them.
    """
    other = t.finding.alias("other")
    # Greater, not other: so an index finds the few that have one among all jobs.
    withdrawn = select(t.job.c.job_id).where(t.job.c.ending > "")
    newest = (
        select(func.max(other.c.created_at))
        .where(
            other.c.job_id.not_in(withdrawn),
            other.c.study_instance_uid == t.finding.c.study_instance_uid,
            other.c.series_instance_uid == t.finding.c.series_instance_uid,
            other.c.pipeline == t.finding.c.pipeline,
        )
        .scalar_subquery()
    )
    return and_(t.finding.c.created_at == newest, t.finding.c.job_id.not_in(withdrawn))
