"""What is stored of a patient's lesions, as it counts after all that people have stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.lesions.identity import counting, effective_uids
from storage.container import Storage
from storage.core.entities import Job
from storage.lesions.entities import Lesion, LesionMatch


@dataclass(frozen=True)
class History:
    jobs: Mapping[tuple[str, str], Job]
    """By study and pipeline: the job whose lesions count, one for each."""
    lesions: Sequence[Lesion]
    matches: Sequence[LesionMatch]
    uids: Mapping[str, str]
    """By lesion: its tracking UID."""


def history_of(storage: Storage, study_instance_uids: Sequence[str]) -> History:
    """Of a study with several series that a pipeline took, the newest job counts alone.

    Its lesions would be counted once for each series otherwise. What was superseded does not count.
    """
    jobs: dict[tuple[str, str], Job] = {}
    for study, newest_first in storage.jobs.of_studies(list(study_instance_uids)).items():
        for job in newest_first:
            if job.status == "COMPLETED":
                jobs.setdefault((study, job.pipeline), job)
    job_ids = [job.job_id for job in jobs.values()]
    lesions = storage.lesions.of_jobs(job_ids)
    matches = counting(storage.lesions.matches(study_instance_uids, job_ids))
    return History(jobs, lesions, matches, effective_uids(lesions, matches))
