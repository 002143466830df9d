"""Who made a result, when, and under which UIDs: the same job always says the same."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal, get_args

from pydicom.dataset import Dataset

from inference.pipeline import Pipeline, Segment
from storage.core.entities import Job
from storage.core.text.long_string import long_string
from storage.core.text.outside_text import valid_unicode
from storage.core.uids import derive_uid

MANUFACTURER = "MediViewAI"
DEVICE_SERIAL_NUMBER = "mediview"
DEVICE_UID = derive_uid("device", "mediview")

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>0\d|1[0-4])(?P<minutes>[0-5]\d)")

ResultKindName = Literal[
    "SEG",
    "SR",
    "SC",
    "PDF",
    "LABELMAP",
    "GSPS",
    "KOS",
    "STACK",
    "LABELMAP_SR",
    "RTSTRUCT",
    "CAD",
    "PM",
]
"""In the order of their series numbers. STACK: every slice as a secondary capture. LABELMAP_SR:
the report that names the label map."""
REPORT_KINDS: tuple[ResultKindName, ...] = ("SR", "LABELMAP_SR")
_SERIES_NUMBER_OFFSET: dict[ResultKindName, int] = {
    kind: offset for offset, kind in enumerate(get_args(ResultKindName), start=1)
}
_FINDINGS_NAMESPACE = uuid.UUID("2d1c0a5e-6a0b-5e4e-8f2e-66696e64696e")


@dataclass(frozen=True)
class ResultIdentity:
    """The UIDs of one result object, derived from what it was made of."""

    series_instance_uid: str
    sop_instance_uid: str
    dimension_organization_uid: str


def result_identity(job: Job, kind: ResultKindName) -> ResultIdentity:
    """Derived from input fingerprint and pipeline version, so that a rerun repeats them; and from
    the revision, so that other results have others."""
    basis: tuple[str, ...] = (
        kind,
        job.pipeline,
        job.pipeline_version,
        job.series_instance_uid,
        job.input_fingerprint,
    )
    if job.revision:
        basis += (f"revision {job.revision}",)
    return ResultIdentity(
        series_instance_uid=job.uids.derive("series", *basis),
        sop_instance_uid=job.uids.derive("instance", *basis),
        dimension_organization_uid=job.uids.derive("dimensions", *basis),
    )


def image_object_uid(job: Job, kind: ResultKindName, sop_instance_uid: str) -> str:
    """Of an object that a job makes for each image of a series, in the series of its kind."""
    of_kind = result_identity(job, kind).sop_instance_uid
    return job.uids.derive("instance", of_kind, sop_instance_uid)


def tracking_uid(job: Job, name: str) -> str:
    """Of one structure of a patient: the same in each study, whatever version looks at it.

    Of the series alone where the patient has no ID: many share the empty one.
    """
    if not job.patient_key:
        return derive_uid("tracking", job.series_instance_uid, job.pipeline, name)
    return derive_uid("tracking of patient", job.patient_key, job.pipeline, name)


def segment_tracking_uid(job: Job, segment: Segment) -> str:
    """Of what a segment shows: of a lesion what the comparison with the studies before found."""
    if segment.tracking_uid:
        return segment.tracking_uid
    if segment.is_lesion:
        # Each study numbers its lesions by itself.
        return derive_uid("tracking", job.series_instance_uid, job.pipeline, segment.label)
    return tracking_uid(job, segment.label)


def stable_id(job: Job, *parts: str) -> str:
    """An identifier of our own that a rerun of the job repeats."""
    name = valid_unicode(chr(31).join((job.job_id, *parts)))
    return str(uuid.uuid5(_FINDINGS_NAMESPACE, name))


def result_series_number(source_series_number: int | None, kind: ResultKindName) -> int:
    """Beside the source: series 401 has its segmentation in 40101 and its report in 40102."""
    source = source_series_number if source_series_number and source_series_number > 0 else 0
    return min(source, 9_999_999) * 100 + _SERIES_NUMBER_OFFSET[kind]


def result_series_description(pipeline: Pipeline, what: str) -> str:
    """Says in every list whether this is AI, and that it is not for diagnosis; LO holds 64
    characters."""
    suffix = f" {what} - {'AI, ' if pipeline.card.is_ai else ''}research use only"
    return long_string(pipeline.title, 64 - len(suffix)) + suffix


def segmentation_label(pipeline: Pipeline) -> str:
    """Content Label (CS) of masks that nobody has edited."""
    return "AI_SEGMENTATION" if pipeline.card.is_ai else "SEGMENTATION"


def segmentation_description(pipeline: Pipeline, *, by: str = "") -> str:
    """Content Description of masks; LO holds 64 characters. `by`: what a reader did, "edited" or
    "clicked"."""
    who = "AI segmentation" if pipeline.card.is_ai else "Segmentation without AI"
    how = {"": ", unverified", "edited": " edited by a reader"}.get(by, " by clicks, unverified")
    return f"{who}{how}, research use only"


def software_versions(pipeline: Pipeline) -> list[str]:
    """What computed the result. Not the node's own version, or a rerun would differ."""
    return [
        long_string(f"{pipeline.name} {pipeline.version}"),
        long_string(f"{pipeline.card.name} {pipeline.card.version}"),
    ]


def made_at(job: Job, source: Dataset) -> datetime:
    """The time of a result: of its job's creation, so that a rerun repeats it.

    In the time zone that the source states for all its times, and that the result takes
    over with them (PS3.3 C.12.1.1.8); where it states none, in that of this machine.
    """
    return local_time(job.created_at, source)


def local_time(at: datetime, source: Dataset) -> datetime:
    """A time in the zone that the source states for all its times, or in this machine's."""
    offset = _OFFSET.fullmatch(str(source.get("TimezoneOffsetFromUTC") or "").strip())
    if offset is None:
        return at.astimezone()
    minutes = int(offset["hours"]) * 60 + int(offset["minutes"])
    shift = timedelta(minutes=-minutes if offset["sign"] == "-" else minutes)
    return at.astimezone(timezone(shift))
