"""Rows of what pipelines made of an archive's studies: a Segmentation and a report each."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from benchmarks.support.archive.plan import PlannedStudy, series_uid

Row = dict[str, Any]

STORED_VERSIONS = {
    "brain-volume": "1.1.0",
    "brain-structures": "1.1.0",
    "lung-density": "1.2.0",
    "film-field": "1.0.1",
}
"""Pipelines that decided on each series that was received."""
RESULT_KINDS = (
    ("SEG", "1.2.840.10008.5.1.4.1.1.66.4"),
    ("SR", "1.2.840.10008.5.1.4.1.1.88.33"),
)


def job_row(study: PlannedStudy) -> Row:
    began = study.received_at + timedelta(minutes=3)
    first = series_uid(study, study.series[0])
    made = [
        {
            "kind": kind,
            "sop_class_uid": sop_class_uid,
            "series_instance_uid": made_uid(study, kind),
            "sop_instance_uid": f"{made_uid(study, kind)}.1",
        }
        for kind, sop_class_uid in RESULT_KINDS
    ]
    result = {"instances": made, "findings": 2, "timings_s": {"read": 1.2, "infer": 9.7}}
    return {
        "job_id": job_id(study),
        "pipeline": study.pipeline,
        "pipeline_version": STORED_VERSIONS[study.pipeline],
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": first,
        "input_fingerprint": digest_of(first),
        "state": "COMPLETED",
        "progress": 1.0,
        "priority": 0,
        "attempts": 1,
        "created_at": began,
        "started_at": began,
        "finished_at": began + timedelta(seconds=20),
        "updated_at": began + timedelta(seconds=20),
        "result": result,
    }


def finding_rows(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    for study in studies:
        for label in ("left", "right"):
            yield {
                "finding_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{study.number} {label}")),
                "job_id": job_id(study),
                "study_instance_uid": study.study_instance_uid,
                "series_instance_uid": series_uid(study, study.series[0]),
                "pipeline": study.pipeline,
                "pipeline_version": STORED_VERSIONS[study.pipeline],
                "label": label,
                "code": {"value": "118565006", "scheme": "SCT", "meaning": "Volume"},
                "value": 1000.0 + study.number % 500,
                "tracking_uid": f"{study.study_instance_uid}.7.{len(label)}",
                "created_at": study.received_at + timedelta(minutes=4),
            }


def generated_rows(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    number = 0
    for study in studies:
        for kind, _class in RESULT_KINDS:
            number += 1
            uid = f"{made_uid(study, kind)}.1"
            yield {
                "id": number,
                "sop_instance_uid": uid,
                "digest": digest_of(uid),
                "content_digest": digest_of(uid + " content"),
                "source": f"job:{job_id(study)}",
                "made_at": study.received_at + timedelta(minutes=4),
            }


def delivery_rows(studies: Sequence[PlannedStudy]) -> Iterator[Row]:
    for study in studies:
        at = study.received_at + timedelta(minutes=4)
        for kind, _class in RESULT_KINDS:
            uid = made_uid(study, kind)
            yield {
                "delivery_id": str(uuid.uuid5(uuid.NAMESPACE_OID, uid)),
                "destination": "pacs",
                "study_instance_uid": study.study_instance_uid,
                "series_instance_uid": uid,
                "sop_instance_uid": f"{uid}.1",
                "job_id": job_id(study),
                "state": "CONFIRMED",
                "attempts": 1,
                "next_attempt_at": at,
                "sent_at": at,
                "created_at": at,
                "updated_at": at,
            }


def job_id(study: PlannedStudy) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"job {study.number}"))


def made_uid(study: PlannedStudy, kind: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{kind} {study.number}').int}"


def digest_of(value: str) -> str:
    return hashlib.blake2b(value.encode(), digest_size=32).hexdigest()
