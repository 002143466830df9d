"""The job that stands for results which differ from those that are stored of its predecessor."""

import uuid
from dataclasses import replace
from datetime import datetime

from inference.lesions.tracking import Tracked
from inference.result_identity import stable_id
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.job_result import BegunRevision
from storage.jobs.begun_revisions import begun_revisions
from storage.jobs.repository import Jobs
from storage.outbox.leases import LeaseLost


class Revisions:
    """Those of one run. Each is asked for where the results differ from what the one before has
    stored: nothing is stored of a new one."""

    def __init__(self, jobs: Jobs, job: Job, owner: str) -> None:
        self._jobs = jobs
        self._job = job
        self._owner = owner
        self.begun = begun_revisions(job)
        """Also by runs that were cut off: what they stored may be what comes out now."""
        self._next = 0

    def next(self) -> Job:
        """Raises StateConflict where a person's edit rests on the stored results, LeaseLost."""
        self._jobs.check_not_edited(self._job)
        if self._next == len(self.begun):
            self._begin()
        begun = self.begun[self._next]
        self._next += 1
        return replace(
            self._job,
            job_id=begun["job_id"],
            created_at=datetime.fromisoformat(begun["created_at"]),
            result={"revision": begun["revision"]},
        )

    def _begin(self) -> None:
        last = self.begun[-1]["revision"] if self.begun else self._job.revision
        now = utcnow()
        begun = BegunRevision(
            job_id=str(uuid.uuid4()), revision=last + 1, created_at=now.isoformat()
        )
        noted = self._jobs.begin_revision(self._job, self._owner, begun, now)
        if noted is None:
            raise LeaseLost(self._job.job_id)
        self._job = replace(self._job, result=noted.result)
        self.begun = begun_revisions(noted)


def of_revision(tracked: Tracked, revision: Job) -> Tracked:
    """The lesions as those of `revision`, and what they were compared with."""
    ids = {one.lesion_id: stable_id(revision, "lesion", one.label) for one in tracked.lesions}
    former = {one.job_id for one in tracked.lesions}
    lesions = tuple(
        replace(
            one,
            lesion_id=ids[one.lesion_id],
            job_id=revision.job_id,
            created_at=revision.created_at,
        )
        for one in tracked.lesions
    )
    matches = tuple(
        replace(
            one,
            match_id=stable_id(revision, "match", one.match_id),
            job_id=revision.job_id,
            later_job_id=revision.job_id if one.later_job_id in former else one.later_job_id,
            earlier_lesion_id=ids.get(one.earlier_lesion_id, one.earlier_lesion_id),
            later_lesion_id=ids.get(one.later_lesion_id, one.later_lesion_id),
            decided_at=revision.created_at,
        )
        for one in tracked.matches
    )
    return replace(tracked, lesions=lesions, matches=matches)
