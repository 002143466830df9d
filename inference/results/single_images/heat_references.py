"""The objects that show the heat map of an image, as a report refers to them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage

from inference.result_identity import ResultKindName, image_object_uid, result_identity
from inference.results.single_images.heat_map import is_placed
from storage.core.entities import Job
from storage.core.findings import Finding

_SHOWN_BY: dict[ResultKindName, tuple[str, DicomCode]] = {
    "PM": (ParametricMapStorage, codes.DCM.Saliency),
    # Of PS3.16 CID 7003: what an image is to the report.
    "SC": (SecondaryCaptureImageStorage, codes.DCM.BestIllustrationOfFinding),
}


@dataclass(frozen=True)
class HeatReference:
    """`image`: the UIDs alone; `purpose`: what it is to the finding."""

    purpose: DicomCode
    image: Dataset


def heat_references(
    job: Job, source: Dataset, finding: Finding, extra_kinds: Collection[str]
) -> list[HeatReference]:
    """What the job makes of the heat map of a finding: the map, the picture, both or nothing."""
    if finding.heat_map is None:
        return []
    kinds: list[ResultKindName] = []
    if is_placed(source, finding.heat_map.frame_number):
        kinds.append("PM")
    if "SC" in extra_kinds:
        kinds.append("SC")
    return [_reference(job, source, kind) for kind in kinds]


def images_with_heat(
    job: Job, findings: Iterable[Finding], sop_instance_uids: Collection[str]
) -> dict[str, str]:
    """By SOP Instance UID of each picture and map that was made: the image whose heat map it shows.

    `job` with the scheme of its UIDs.
    """
    images = {
        one.image.sop_instance_uid
        for one in findings
        if one.heat_map is not None and one.image is not None
    }
    found = {image_object_uid(job, kind, uid): uid for uid in images for kind in _SHOWN_BY}
    return {made: uid for made, uid in found.items() if made in sop_instance_uids}


def _reference(job: Job, source: Dataset, kind: ResultKindName) -> HeatReference:
    sop_class_uid, purpose = _SHOWN_BY[kind]
    image = Dataset()
    image.StudyInstanceUID = source.StudyInstanceUID
    image.SeriesInstanceUID = result_identity(job, kind).series_instance_uid
    image.SOPClassUID = sop_class_uid
    image.SOPInstanceUID = image_object_uid(job, kind, str(source.SOPInstanceUID))
    return HeatReference(purpose, image)
