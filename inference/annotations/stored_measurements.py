"""The measurement reports that a study has: whose they are, and which take whose place."""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from pydicom.uid import ComprehensiveSRStorage

from inference.annotations.drawing import TakenOver
from inference.annotations.measurement_read import (
    REPORT_CLASSES,
    MeasurementReport,
    read_measurements,
)
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.core.sources import is_of_reader, is_own, named_sender
from storage.core.text.long_string import long_string
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)


def measurement_reports(
    index: Index, instances: InstanceReader, study_instance_uid: str, *, all_versions: bool = False
) -> list[tuple[MeasurementReport, Instance]]:
    """The reports of a study that hold drawings or places of the patient; oldest first.

    Those that a later version takes the place of are left out, unless `all_versions`; and those
    that name another patient than the study.
    """
    found = read_all(index, instances, study_instance_uid)
    replaced = replaced_of(found)
    return [
        (report, instance)
        for report, instance in sorted(found, key=lambda one: one[1].received_at)
        # A version that says nothing any more takes the place of its predecessor all the same.
        if (report.drawings or report.undrawn)
        and (all_versions or report.sop_instance_uid not in replaced)
    ]


def read_all(
    index: Index, instances: InstanceReader, study_instance_uid: str
) -> list[tuple[MeasurementReport, Instance]]:
    known = instances.patient_keys(study_instance_uid)
    found = []
    for instance in index.instances_of(study_instance_uid):
        if instance.sop_class_uid not in REPORT_CLASSES:
            continue
        try:
            if instances.names_another_patient(instance, known):
                log.warning(
                    "measurements_of_another_patient",
                    sop_instance_uid=instance.sop_instance_uid,
                    source=instance.source,
                )
                continue
            report = read_measurements(instances.header(instance))
        except DAMAGED:
            # A foreign document that is against the standard; the others are still worth reading.
            continue
        found.append((report, instance))
    return found


def replaced_of(found: Sequence[tuple[MeasurementReport, Instance]]) -> set[str]:
    """What a later version takes the place of.

    Anybody may name any predecessor. So a version that others sent takes the place of one from
    the same sender alone, and never of one that was saved here; both are shown then.
    """
    sources = {report.sop_instance_uid: instance.source for report, instance in found}
    return {
        uid
        for report, instance in found
        for uid in report.replaced
        if is_own(instance.source) or sources.get(uid) == instance.source
    }


def is_drawn_here(instance: Instance) -> bool:
    """Whether a report holds what a person drew on this node: not what a pipeline found, with
    feedback or without (Comprehensive 3D SR), and nothing that others sent."""
    return is_of_reader(instance.source) and instance.sop_class_uid == ComprehensiveSRStorage


def known_source(
    what: str, stated: TakenOver, reports: Sequence[tuple[MeasurementReport, Instance]]
) -> TakenOver:
    """The report that a drawing is stated to be copied from; one that was deleted since, as an
    earlier version names it."""
    for report, instance in reports:
        if report.sop_instance_uid == stated.sop_instance_uid:
            return replace(
                stated,
                maker=long_string(report.author or named_sender(instance.source)),
                sop_class_uid=instance.sop_class_uid,
                series_instance_uid=report.series_instance_uid,
            )
    for report, instance in reports:
        for one in report.drawings if is_own(instance.source) else ():
            known = one.taken_over
            if (
                known
                and (known.sop_instance_uid, known.tracking_uid)
                == (stated.sop_instance_uid, stated.tracking_uid)
                and known.series_instance_uid
            ):
                return known
    raise InvalidRequest(
        f"{what} names {stated.sop_instance_uid} as the report that it was taken from, which is"
        " not a report of this study.",
        remedy="Name the sop_instance_uid of what GET …/measurements lists.",
    )
