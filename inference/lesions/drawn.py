"""What readers measure as lesions, over the studies: a job for each saved report of a study.

A bidirectional measurement is a lesion: the tool is made for what RECIST 1.1 measures. Lengths,
ellipses and outlines may be of anything, and are not followed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from inference import auditing
from inference.annotations.stored_measurements import measurement_reports
from inference.imaging.volume import Volume
from inference.lesions.drawn_measurements import drawn_lesions, lesion_drawings, measure_drawn
from inference.lesions.history import DRAWN_LESIONS
from inference.lesions.matching.comparing import (
    OTHER_SIDE_THEN,
    JobLesions,
    compare_lesions,
    lesion_match,
    named_beside,
    nearest_lesions,
    other_side_before,
)
from inference.process_memory import peak_memory_bytes
from inference.refusals import VolumeRefused
from storage.container.has import (
    HasAudit,
    HasIndex,
    HasInstances,
    HasJobs,
    HasLesions,
    HasPatientStudies,
    HasSettings,
)
from storage.core.entities import Job, Series
from storage.core.job_result import JobResult
from storage.core.sources import is_of_reader
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.outcome import JobOutcome, JobRows
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.settings import Settings

_VERSION = "1.0.0"


def schedule_drawn_lesions(
    index: Index, instances: InstanceReader, jobs: Jobs, study_instance_uid: str, report_uid: str
) -> Job | None:
    """A job over what a study's reports measure now; None where they never measured a lesion.

    None, too, of a series that still arrives: `schedule_when_complete` comes back to it.
    """
    drawings = lesion_drawings(index, instances, study_instance_uid)
    before = _jobs(jobs, study_instance_uid)
    if drawings:
        of_series = Counter(
            index.instance(one.sop_instance_uid).series_instance_uid for one in drawings
        )
        # Of as many in two series, always the same.
        series_instance_uid = min(of_series, key=lambda uid: (-of_series[uid], uid))
    elif before:
        series_instance_uid = before[0].series_instance_uid
    else:
        return None
    series = index.series(study_instance_uid, series_instance_uid)
    if series.state != "COMPLETE":
        return None
    job, _ = jobs.schedule(
        DRAWN_LESIONS,
        f"{_VERSION}+{report_uid}",
        study_instance_uid,
        series_instance_uid,
        series.fingerprint,
    )
    return job


def schedule_when_complete(
    index: Index, instances: InstanceReader, jobs: Jobs, series: Series
) -> None:
    """What was measured while images of the series still arrived, or before late ones came.

    Doing it again changes nothing.
    """
    study_instance_uid = series.study_instance_uid
    saved = [
        report.sop_instance_uid
        for report, instance in measurement_reports(index, instances, study_instance_uid)
        if is_of_reader(instance.source)
    ]
    if saved:
        schedule_drawn_lesions(index, instances, jobs, study_instance_uid, saved[-1])


class DrawnLesionStorage(
    HasSettings, HasIndex, HasInstances, HasJobs, HasLesions, HasPatientStudies, HasAudit, Protocol
):
    """What of the storage layer lesions that readers measure are followed with."""


def follow_drawn_lesions(storage: DrawnLesionStorage, job: Job) -> JobOutcome:
    """Compare what a study's reports measure with the studies before and after."""
    auditing.series_read(storage.audit, job)
    drawings = lesion_drawings(storage.index, storage.instances, job.study_instance_uid)
    lesions: list[Lesion] = []
    matches: list[LesionMatch] = []
    notes: list[str] = []
    laterality = ""
    try:
        measured = measure_drawn(
            storage.index,
            storage.instances,
            job.study_instance_uid,
            job.series_instance_uid,
            drawings,
        )
    except VolumeRefused as refused:
        notes.append(f"The lesions are not followed over studies. {refused.message}")
    else:
        lesions = drawn_lesions(job, measured)
        if measured.left_out:
            notes.append(f"{measured.left_out} measured in other series are not followed.")
        uids = {one.lesion_id: one.tracking_uid for one in lesions}
        this = JobLesions(job, lesions, uids, measured.volume)
        laterality = measured.volume.laterality
        matches = list(_matches(storage, job, this))
        other = other_side_before(
            storage.jobs, storage.lesions, storage.patient_studies, job, laterality
        )
        if other is not None:
            when = named_beside(storage.index, other.study_instance_uid, job.study_instance_uid)
            notes.append(f"The lesions are not compared with those of {when}: {OTHER_SIDE_THEN}")
    replaced = [one.job_id for one in _jobs(storage.jobs, job.study_instance_uid)]
    result: JobResult = {
        "instances": [],
        "findings": 0,
        "laterality": laterality,
        "label_picture": False,
        "inputs": [],
        "notes": notes,
        "timings_s": {},
        "peak_memory_bytes": peak_memory_bytes(),
    }
    return JobOutcome(result, JobRows(lesions=lesions, matches=matches, instead_of=replaced))


def _jobs(jobs: Jobs, study_instance_uid: str) -> list[Job]:
    """All of the study, the newest first."""
    of_study = jobs.of_studies([study_instance_uid])[study_instance_uid]
    return [one for one in of_study if one.pipeline == DRAWN_LESIONS]


def _matches(storage: DrawnLesionStorage, job: Job, this: JobLesions) -> Iterator[LesionMatch]:
    laterality = "" if this.volume is None else this.volume.laterality
    before, after = (
        nearest_lesions(
            storage.jobs, storage.lesions, storage.patient_studies, job, when, laterality
        )
        for when in ("before", "after")
    )
    if before is not None:
        yield from _compared(storage.index, storage.instances, storage.settings, job, before, this)
    if after is not None:
        yield from _compared(storage.index, storage.instances, storage.settings, job, this, after)


def _compared(
    index: Index,
    instances: InstanceReader,
    settings: Settings,
    by: Job,
    earlier: JobLesions,
    later: JobLesions,
) -> Iterator[LesionMatch]:
    """A reader who takes a tracking UID over has stated which lesion it is; the rest is aligned."""
    of_uid = {earlier.uids[one.lesion_id]: one for one in earlier.lesions}
    same = {one.lesion_id: of_uid[one.tracking_uid] for one in later.lesions
            if one.tracking_uid and one.tracking_uid in of_uid}  # fmt: skip
    for one in later.lesions:
        if one.lesion_id in same:
            yield lesion_match(by, later.job, "matched", of=same[one.lesion_id], to=one,
                               method="the same tracking UID in both reports")  # fmt: skip
    known = {one.lesion_id for one in same.values()}
    yield from (
        compare_lesions(
            settings,
            by,
            lambda job: _volume_of(index, instances, job),
            replace(
                earlier, lesions=[one for one in earlier.lesions if one.lesion_id not in known]
            ),
            replace(later, lesions=[one for one in later.lesions if one.lesion_id not in same]),
        )
        or ()
    )


def _volume_of(index: Index, instances: InstanceReader, job: Job) -> Volume:
    drawings = lesion_drawings(index, instances, job.study_instance_uid)
    return measure_drawn(
        index, instances, job.study_instance_uid, job.series_instance_uid, drawings
    ).volume
