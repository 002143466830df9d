"""One job's results on an oblique, anisotropic series, and how each is read by another tool."""

import re
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, PERCENT, VOLUME
from inference.pipelines.structures import LEFT, RIGHT
from storage.core.entities import Job
from storage.core.findings import Code
from tests import builders
from tests.api.client import ApiNode
from tests.inference.results_support import STRUCTURE

SHAPE = (24, 40, 36)


SPACING_MM = (3.5, 1.7, 1.1)


HIPPOCAMPUS = Code("5366008", "SCT", "Hippocampus")


BRAIN_STEM = Code("15926001", "SCT", "Brain stem")


RATIO = Code("118586006", "SCT", "Ratio")


SEGMENTS = (
    Segment("Left hippocampus", STRUCTURE, HIPPOCAMPUS, (220, 60, 20), LEFT),
    Segment("Right hippocampus", STRUCTURE, HIPPOCAMPUS, (60, 200, 40), RIGHT),
    Segment("Brain stem", STRUCTURE, BRAIN_STEM, (40, 90, 230)),
)


KINDS = ("SC", "PDF", "STACK", "GSPS", "KOS", "LABELMAP", "LABELMAP_SR")


def series(date: str) -> list[Dataset]:
    """Oblique, not square, anisotropic, in another order than that of space."""
    voxels = np.random.default_rng(3).integers(0, 400, SHAPE, dtype=np.int16)
    made = builders.series(
        voxels,
        spacing_mm=SPACING_MM,
        directions=builders.rotation(20, -35, 75),
        seed=int(date),
        PatientID="P-agree",
        PatientName="Agree^All",
        StudyDate=date,
    )
    return [made[index] for index in np.random.default_rng(4).permutation(len(made))]


def masks(more: int = 0) -> NDArray[np.uint8]:
    found = np.zeros(SHAPE, np.uint8)
    found[builders.asymmetric_mask(SHAPE)] = 1
    found[13:17, 8 : 17 + more, 20:29] = 2
    found[18:22, 22:36, 4 : 9 + more] = 3
    return found


def output(more: int = 0) -> Any:
    def of(volume: Volume) -> PipelineOutput:
        found = masks(more)
        cm3 = [int((found == n).sum()) * volume.voxel_volume_mm3 / 1000 for n in (1, 2, 3)]
        volumes = tuple(
            Measurement(f"{segment.label} volume", VOLUME, value, CM3, index, confidence)
            for index, (segment, value, confidence) in enumerate(
                zip(SEGMENTS, cm3, (None, 0.875, None), strict=True)
            )
        )
        share = Measurement("Share of the right", RATIO, cm3[1] / (cm3[0] + cm3[1]) * 100, PERCENT)
        return PipelineOutput(SEGMENTS, found, (*volumes, share))

    return of


@dataclass(frozen=True)
class Made:
    api: ApiNode
    job: Job
    volume: Volume

    def of_kind(self, kind: str) -> list[Dataset]:
        uids = [one["sop_instance_uid"] for one in self.job.result["instances"]
                if one["kind"] == kind]  # fmt: skip
        storage = self.api.storage
        return [storage.instances.dataset(storage.index.instance(uid)) for uid in uids]

    def one(self, kind: str) -> Dataset:
        (found,) = self.of_kind(kind)
        return found

    def json(self) -> dict[str, dict[str, Any]]:
        """The findings of the API by their label."""
        listed = self.api.client.get(f"/api/studies/{self.job.study_instance_uid}/findings")
        return {one["label"]: one for one in listed.json()["items"]}


def affine_by_hand(seg: Dataset) -> NDArray[np.float64]:
    """mm³ of a voxel, by what the segmentation itself states (PS3.3 C.7.6.2.1-1)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    origins = np.array(
        sorted(
            {
                tuple(map(float, one.PlanePositionSequence[0].ImagePositionPatient))
                for one in seg.PerFrameFunctionalGroupsSequence
            }
        )
    )
    between_mm = np.linalg.norm(origins[-1] - origins[0]) / (len(origins) - 1)
    return np.array([between_mm, rows_mm, columns_mm])


def segments_of(seg: Dataset) -> dict[int, tuple[str, str, str | None, str]]:
    """By number: label, type, side, tracking UID."""
    found = {}
    for one in seg.SegmentSequence:
        (kind,) = one.SegmentedPropertyTypeCodeSequence
        sides = kind.get("SegmentedPropertyTypeModifierCodeSequence") or [None]
        side = sides[0].CodeValue if sides[0] else None
        found[one.SegmentNumber] = (one.SegmentLabel, kind.CodeValue, side, one.TrackingUID)
    return found


def groups_of(report: Dataset) -> dict[int, Any]:
    """The groups of the report by the number of their segment."""
    content = hd.sr.MeasurementReport.from_sequence([report], is_root=True)
    groups = content.get_volumetric_roi_measurement_groups()
    return {int(one.referenced_segment.referenced_segment_numbers[0]): one for one in groups}


def printed(finding: dict[str, Any], text: str) -> float:
    """The number that follows the finding's name, with its unit."""
    unit = {"cm3": "cm[³3]", "%": "%"}[finding["unit"]["value"]]
    (number,) = re.findall(rf"{re.escape(finding['label'])}:? (\d[\d.,]*) {unit}", text)
    return float(number.replace(",", ""))
