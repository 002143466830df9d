"""Lesions as readers draw them: bidirectional measurements of a study, and their bodies."""

import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.annotations.drawing import Drawing
from inference.annotations.stored_measurements import measurement_reports
from inference.imaging.stacks import SeriesStack, stacks_of
from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.history import DRAWN_LESIONS
from inference.lesions.points import stored_points
from storage.core.entities import Job
from storage.core.findings import Code
from storage.core.sources import is_of_reader
from storage.core.units import converted
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.lesions.entities import Lesion

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
class Measured:
    """The lesions of a study that lie in one stack of slices, and its images."""

    drawings: Sequence[Drawing]
    volume: Volume
    left_out: int
    """Of other series and stacks."""


def lesion_drawings(
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
        # A copy that a reader took over counts once, as the reader's.
        known |= {one.taken_over.tracking_uid for one in found if one.taken_over} - {""}
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
    mm = {one.quantity: converted(one.value, one.unit, "mm") for one in drawing.measured}
    long, short = mm.get("long_axis"), mm.get("short_axis")
    return None if long is None or short is None else (long, short)


def measure_drawn(
    index: Index,
    reader: InstanceReader,
    study_instance_uid: str,
    series_instance_uid: str,
    drawings: Sequence[Drawing],
) -> Measured:
    """Of the stack of the series that most of them lie in."""
    instances = index.instances_of(study_instance_uid, series_instance_uid)
    datasets = list(reader.datasets(instances))
    uids = {one.sop_instance_uid for one in drawings}

    def drawn_on(stack: SeriesStack) -> int:
        return sum(str(one.SOPInstanceUID) in uids for one in stack.of(datasets))

    stack = max(stacks_of(datasets), key=drawn_on)
    volume = assemble_volume(stack.of(datasets), stack.frame_indices, tilted=True)
    frames = set(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    inside = [one for one in drawings if (one.sop_instance_uid, one.frame_number) in frames]
    return Measured(inside, volume, len(drawings) - len(inside))


def drawn_lesions(job: Job, measured: Measured) -> list[Lesion]:
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
            caveat=drawing.caveat,
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


def _is_node_name(label: str) -> bool:
    return _NODE_NAMES.search(label) is not None and _NO_NODE.search(label) is None
