"""RT structure sets drawn on a series: of masks, or of contours at any place."""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput, Segment
from inference.results.rtstruct import encode_structure_set
from storage.core.findings import Code
from tests.inference.results_support import BRAIN, PIPELINE, STRUCTURE, job_for


def star(row: float, column: float, radius: float, points: int = 7) -> NDArray[np.float64]:
    """Corners of a star around a place, (row, column) each, its inner ones at half the radius."""
    angles = np.arange(2 * points) * np.pi / points + 0.1
    radii = np.where(np.arange(2 * points) % 2, radius / 2, radius)
    return np.stack([row + radii * np.sin(angles), column + radii * np.cos(angles)], axis=1)


def in_patient(volume: Volume, k: float, polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of slice k, (row, column) each, as LPS in mm."""
    kji = np.concatenate([np.full((len(polygon), 1), k), polygon], axis=1)
    placed: NDArray[np.float64] = kji @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    return placed


def structure_set(
    volume: Volume,
    sources: Sequence[Dataset],
    masks: Mapping[str, NDArray[np.bool_]],
    contours: Mapping[int, Sequence[NDArray[np.float64]]] | None = None,
    code: Code = BRAIN,
) -> Dataset:
    """An ROI for each mask; of the first, `contours` by slice in place of its own."""
    segments = tuple(Segment(name, STRUCTURE, code, (200, 30, 60)) for name in masks)
    output = PipelineOutput(segments, np.stack([*masks.values()], axis=-1))
    made = encode_structure_set(job_for(volume), PIPELINE, sources, volume, output)
    if contours is not None:
        kept = made.ROIContourSequence[0].ContourSequence
        placed = []
        for k, polygons in contours.items():
            for polygon in polygons:
                one = copy.deepcopy(kept[0])
                uid = volume.sop_instance_uids[k]
                (image,) = (
                    each for item in kept for each in item.ContourImageSequence
                    if each.ReferencedSOPInstanceUID == uid
                )  # fmt: skip
                one.ContourImageSequence = [image]
                points = in_patient(volume, k, polygon)
                one.NumberOfContourPoints = len(points)
                one.ContourData = [f"{number:.6f}" for number in points.ravel()]
                placed.append(one)
        made.ROIContourSequence[0].ContourSequence = placed
    return made
