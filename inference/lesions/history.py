"""What is stored of a patient's lesions, as it counts after all that people have stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.lesions.identity import counting, effective_uids
from storage.core.entities import Job
from storage.core.findings import Finding
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import Lesions

DRAWN_LESIONS = "drawn-lesions"
"""The pipeline of what readers measure."""


@dataclass(frozen=True)
class History:
    jobs: Mapping[tuple[str, str], Job]
    """By study and pipeline: the job whose lesions count, one for each."""
    lesions: Sequence[Lesion]
    matches: Sequence[LesionMatch]
    uids: Mapping[str, str]
    """By lesion: its tracking UID."""


def laterality_of_job(job: Job) -> str:
    """Which side of the body its images state: L, R or B; empty where it is not known."""
    return job.result.get("laterality", "")


def history_of(
    job_repository: Jobs, lesion_repository: Lesions, oldest_first: Sequence[str]
) -> History:
    """Of a study with several series that a pipeline took, the newest job counts alone.

    Its lesions would be counted once for each series otherwise. What was superseded does not count.
    """
    jobs: dict[tuple[str, str], Job] = {}
    for study, newest_first in job_repository.of_studies(list(oldest_first)).items():
        for job in newest_first:
            if job.has_results:
                jobs.setdefault((study, job.pipeline), job)
    job_ids = [job.job_id for job in jobs.values()]
    lesions = lesion_repository.of_jobs(job_ids)
    stored = lesion_repository.matches(oldest_first, job_ids)
    order = {study: number for number, study in enumerate(oldest_first)}
    recency = {job.job_id: order[job.study_instance_uid] for job in jobs.values()}
    matches = counting(_with_the_nearest(stored, recency))
    return History(jobs, lesions, matches, effective_uids(lesions, matches))


def findings_of_lesions(lesion_repository: Lesions, findings: Sequence[Finding]) -> list[Finding]:
    """Of the findings that measure lesions, one for each lesion."""
    in_segments = [one for one in findings if one.segmentation is not None]
    jobs = sorted({one.job_id for one in in_segments})
    lesions = {(one.job_id, one.segment_number) for one in lesion_repository.of_jobs(jobs)}
    found: dict[tuple[str, int], Finding] = {}
    for one in in_segments:
        number = one.segmentation.segment_number if one.segmentation is not None else 0
        if (one.job_id, number) in lesions:
            found.setdefault((one.job_id, number), one)
    return list(found.values())


def lesion_uids(
    job_repository: Jobs,
    lesion_repository: Lesions,
    oldest_first: Sequence[str],
    findings: Sequence[Finding],
) -> dict[str, str]:
    """By finding: the tracking UID of the lesion that it measures; nothing of other findings.

    Each study numbers its lesions by itself: their names do not say which of them are the same.
    """
    jobs = sorted({one.job_id for one in findings if one.segmentation is not None})
    by_segment = {(one.job_id, one.segment_number): one for one in lesion_repository.of_jobs(jobs)}
    if not by_segment:
        return {}
    uids = history_of(job_repository, lesion_repository, oldest_first).uids
    found = {}
    for one in findings:
        number = one.segmentation.segment_number if one.segmentation is not None else 0
        lesion = by_segment.get((one.job_id, number))
        if lesion is not None:
            found[one.finding_id] = uids.get(lesion.lesion_id, lesion.tracking_uid)
    return found


def _with_the_nearest(
    matches: Sequence[LesionMatch], recency: Mapping[str, int]
) -> list[LesionMatch]:
    """What people state, and of each job's lesions the comparison with the study just before.

    A study that came late compared itself with the one after it, which had been compared with
    an older one. `recency`: of the jobs that count.
    """

    def rank(match: LesionMatch) -> int:
        return -1 if match.job_id == match.later_job_id else recency[match.job_id]

    computed = [one for one in matches if not one.decided_by and one.later_job_id in recency]
    nearest: dict[str, int] = {}
    for one in computed:
        nearest[one.later_job_id] = max(rank(one), nearest.get(one.later_job_id, -1))
    return [
        one for one in matches if one.decided_by or
        (one.later_job_id in recency and rank(one) == nearest[one.later_job_id])
    ]  # fmt: skip
