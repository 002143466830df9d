"""What a job ends with. All of it is written with its end or not at all.

A run that was forced replaces results that count until then: a worker that dies on the way leaves
them as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from storage.core.entities import Job
from storage.core.findings import Finding
from storage.core.job_result import JobResult
from storage.findings.repository import replace_findings
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import replace_lesions


@dataclass(frozen=True)
class JobRows:
    """What a job found, instead of what its earlier run did. None: it finds nothing of that kind,
    and what is there stays."""

    findings: Sequence[Finding] | None = None
    lesions: Sequence[Lesion] | None = None
    matches: Sequence[LesionMatch] = ()
    instead_of: Sequence[str] = ()
    """Other jobs, whose lesions these replace."""

    def write(self, connection: Connection, job_id: str) -> None:
        if self.lesions is not None:
            job_ids = [job_id, *self.instead_of]
            replace_lesions(connection, job_ids, self.lesions, self.matches)
        if self.findings is not None:
            replace_findings(connection, job_id, self.findings)


@dataclass(frozen=True)
class JobOutcome:
    result: JobResult
    rows: JobRows = JobRows()
    revision: Job | None = None
    """Stands for the results, in place of the job that ran, whose stored ones differ."""
