"""What readers measure as lesions, over the studies: a job for each saved report of a study.

A bidirectional measurement is a lesion: the tool is made for what RECIST 1.1 measures. Lengths,
ellipses and outlines may be of anything, and are not followed.
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference import auditing
from inference.annotations.drawing import Drawing
from inference.annotations.measurements import measurement_reports
from inference.imaging.stacks import SeriesStack, stacks_of
from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.comparing import (
    OTHER_SIDE_THEN,
    JobLesions,
    compare_lesions,
    lesion_match,
    named_beside,
    nearest_lesions,
    other_side_before,
)
from inference.lesions.history import DRAWN_LESIONS
from inference.lesions.points import stored_points
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
from storage.core.findings import Code
from storage.core.job_result import JobResult
from storage.core.sources import is_of_reader
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.outcome import JobOutcome, JobRows
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.settings import Settings

_VERSION = "1.0.0"
# The same lesion in each version of a report, so that what people state of it stays.
_NAMESPACE = uuid.UUID("6f0f7c53-3d7e-4b53-9a1c-6c6573696f6e")
_LESION = Code("52988006", "SCT", "Lesion")
_LYMPH_NODE = Code("59441001", "SCT", "Structure of lymph node")
_NODE_NAMES = re.compile(
    r"\blymph[ -]?(node|knoten|adenopath)|adenopath|\blymphatic\b|\bnod(es?|al|us|i)\b|\bL[NK]s?\b",
    re.IGNORECASE,
)
"""What readers call a lymph node in English and German; a lymphoma elsewhere is none."""
_NO_NODE = re.compile(r"\b(no|not|non|kein\w*|nicht)\b", re.IGNORECASE)
_GRID = np.linspace(-1, 1, 9)
# Points spread over a ball of radius 1.
_BALL: NDArray[np.float64] = np.stack(np.meshgrid(_GRID, _GRID, _GRID), -1).reshape(-1, 3)
_BALL = _BALL[np.linalg.norm(_BALL, axis=1) <= 1]


@dataclass(frozen=True)
class _Measured:
    """The lesions of a study that lie in one stack of slices, and its images."""

    drawings: Sequence[Drawing]
    volume: Volume
    left_out: int
    """Of other series and stacks."""


def schedule_drawn_lesions(
    index: Index, instances: InstanceReader, jobs: Jobs, study_instance_uid: str, report_uid: str
) -> Job | None:
    """A job over what a study's reports measure now; None where they never measured a lesion.

    None, too, of a series that still arrives: `schedule_when_complete` comes back to it.
    """
    drawings = _lesion_drawings(index, instances, study_instance_uid)
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
    drawings = _lesion_drawings(storage.index, storage.instances, job.study_instance_uid)
    lesions: list[Lesion] = []
    matches: list[LesionMatch] = []
    notes: list[str] = []
    laterality = ""
    try:
        measured = _measured(
            storage.index,
            storage.instances,
            job.study_instance_uid,
            job.series_instance_uid,
            drawings,
        )
    except VolumeRefused as refused:
        notes.append(f"The lesions are not followed over studies. {refused.message}")
    else:
        lesions = _lesions(job, measured)
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


def _lesion_drawings(
    index: Index, instances: InstanceReader, study_instance_uid: str
) -> list[Drawing]:
    """On images that are there: a report of another system may measure others."""
    reports = measurement_reports(index, instances, study_instance_uid)
    there = {one.sop_instance_uid for one in index.instances_of(study_instance_uid)}
    # Of one lesion in two reports, such as a copy of it that others sent: what was saved here,
    # and last.
    readers_last = sorted(reports, key=lambda one: is_of_reader(one[1].source))
    found: list[Drawing] = []
    for report, _ in reversed(readers_last):
        known = {one.tracking_uid for one in found if one.tracking_uid}
        found[:0] = [
            one
            for one in report.drawings
            if one.tracking_uid not in known and _axes_mm(one) and one.sop_instance_uid in there
        ]
    return found


def _axes_mm(drawing: Drawing) -> tuple[float, float] | None:
    """The long and the short axis of a lesion; None of all else, and without calibration."""
    if drawing.shape != "BIDIRECTIONAL":
        return None
    mm = {one.quantity: one.value for one in drawing.measured if one.unit == "mm"}
    if not {"long_axis", "short_axis"} <= mm.keys():
        return None
    return mm["long_axis"], mm["short_axis"]


def _measured(
    index: Index,
    reader: InstanceReader,
    study_instance_uid: str,
    series_instance_uid: str,
    drawings: Sequence[Drawing],
) -> _Measured:
    """Of the stack of the series that most of them lie in."""
    instances = index.instances_of(study_instance_uid, series_instance_uid)
    datasets = [reader.dataset(one) for one in instances]
    uids = {one.sop_instance_uid for one in drawings}

    def drawn_on(stack: SeriesStack) -> int:
        return sum(str(one.SOPInstanceUID) in uids for one in stack.of(datasets))

    stack = max(stacks_of(datasets), key=drawn_on)
    volume = assemble_volume(stack.of(datasets), stack.frame_indices, tilted=True)
    frames = set(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    inside = [one for one in drawings if (one.sop_instance_uid, one.frame_number) in frames]
    return _Measured(inside, volume, len(drawings) - len(inside))


def _lesions(job: Job, measured: _Measured) -> list[Lesion]:
    lesion_ids = _lesion_ids(job.study_instance_uid, measured.drawings)
    return [
        Lesion(
            lesion_id=lesion_id,
            job_id=job.job_id,
            study_instance_uid=job.study_instance_uid,
            series_instance_uid=job.series_instance_uid,
            pipeline=DRAWN_LESIONS,
            segment_number=number,
            label=drawing.label or f"Lesion {number}",
            type=_LYMPH_NODE if _is_node_name(drawing.label) else _LESION,
            tracking_uid=drawing.tracking_uid,
            long_axis_mm=axes[0],
            short_axis_mm=axes[1],
            volume_mm3=None,
            is_truncated=False,
            is_measurable=None,
            points=stored_points(_body(drawing, measured.volume)),
            created_at=job.created_at,
            axes_method="drawn",
        )
        for number, (drawing, lesion_id) in enumerate(
            zip(measured.drawings, lesion_ids, strict=True), start=1
        )
        if (axes := _axes_mm(drawing))
    ]


def _lesion_ids(study_instance_uid: str, drawings: Sequence[Drawing]) -> list[str]:
    """By tracking UIDs, of which one report may have several drawings, and others none."""
    earlier: Counter[str] = Counter()
    found = []
    for uid in (one.tracking_uid for one in drawings):
        name = f"{study_instance_uid} {uid}" + (f" {earlier[uid]}" if earlier[uid] else "")
        found.append(str(uuid.uuid5(_NAMESPACE, name)))
        earlier[uid] += 1
    return found


def _body(drawing: Drawing, volume: Volume) -> NDArray[np.float64]:
    """Points of the ellipsoid on both axes, as deep as it is short: shape (n, 3), mm, LPS."""
    frames = list(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    k = frames.index((drawing.sop_instance_uid, drawing.frame_number))
    # The centre of the first pixel is 0, 0 of a volume and 0.5, 0.5 of a drawing.
    kji = np.array([(k, row - 0.5, column - 0.5) for column, row in drawing.points])
    a, b, c, d = kji @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    along, across = (b - a) / 2, (d - c) / 2
    normal = np.cross(volume.lps_from_kji[:3, 1], volume.lps_from_kji[:3, 2])
    depth = normal / np.linalg.norm(normal) * np.linalg.norm(across)
    body: NDArray[np.float64] = (a + b) / 2 + _BALL @ np.stack([along, across, depth])
    return body


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
    drawings = _lesion_drawings(index, instances, job.study_instance_uid)
    return _measured(
        index, instances, job.study_instance_uid, job.series_instance_uid, drawings
    ).volume


def _is_node_name(label: str) -> bool:
    return _NODE_NAMES.search(label) is not None and _NO_NODE.search(label) is None
