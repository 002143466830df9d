"""What a job saw and gave, in numbers that are compared over time and name nobody."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.calibration.decision import calibration_of
from inference.imaging.frames import number_of_frames
from inference.imaging.volume import Volume
from inference.pipeline import (
    Measurement,
    NamedInput,
    Pipeline,
    PipelineContext,
    PipelineOutput,
)

_SAMPLES_AT_MOST = 1_000_000
_PERCENTILES = (1, 50, 99)
_MEASURES_AT_MOST = 120

Measures = dict[str, float]


def seen_by(pipeline: Pipeline, context: PipelineContext) -> Measures:
    """Of volumes spacing, slices and grey values, of each of several series; of DICOM images their
    size and number. Nothing of what is neither."""
    if context.volume is not None:
        found = _of_volume("input", context.volume)
        reference = getattr(pipeline, "reference", "")
        roles: tuple[NamedInput, ...] = getattr(pipeline, "inputs", ())
        for role in roles:
            volume = context.inputs.get(role.name)
            if volume is not None and role.is_image and role.name != reference:
                found |= _of_volume(f"input {role.name}", volume)
        return found
    if not context.images:
        return {}
    measures: dict[str, list[float]] = {}
    for image in context.images:
        for name, value in _of_image(image):
            measures.setdefault(name, []).append(value)
    return {"input: images": float(len(context.images))} | {
        name: median(values) for name, values in measures.items()
    }


def given_in(output: PipelineOutput) -> Measures:
    """Each measurement that is not truncated, the probability of each label, and how many segments;
    of images the mean over all of them. And how bright images were as the model was shown them."""
    measures: dict[str, list[float]] = {}
    if not output.images:
        measures["output: segments"] = [float(len(output.segments))]
    for one in output.measurements:
        _add(measures, one)
    classifications = list(output.classifications)
    for image in output.images:
        measures.setdefault("output: segments", []).append(float(len(image.segments)))
        for one in image.measurements:
            _add(measures, one)
        classifications += image.classifications
        sure = [box.confidence for box in image.boxes if box.confidence is not None]
        if sure:
            measures.setdefault("output: confidence of boxes", []).append(fmean(sure))
        for percent, level in _levels(image.shown):
            name = f"input: {percent}. percentile of grey values as shown"
            measures.setdefault(name, []).append(level)
    for answer in classifications:
        name = f"output: probability of {answer.label}"
        measures.setdefault(name, []).append(answer.confidence)
    return {name: fmean(values) for name, values in measures.items()}


def as_kept(*of: Measures) -> Measures:
    """As it is kept: what is a number, and not more than a row should hold."""
    finite = [
        (name, round(value, 6))
        for measures in of
        for name, value in measures.items()
        if math.isfinite(value)
    ]
    return dict(finite[:_MEASURES_AT_MOST])


def _add(measures: dict[str, list[float]], one: Measurement) -> None:
    if one.validity is None or one.validity.state == "complete":
        name = f"output: {one.label} ({one.unit.value})"
        measures.setdefault(name, []).append(one.value)


def _of_volume(prefix: str, volume: Volume) -> Measures:
    spacing = volume.spacing_mm
    return {
        f"{prefix}: slice spacing (mm)": spacing[0],
        f"{prefix}: row spacing (mm)": spacing[1],
        f"{prefix}: slices": float(volume.voxels.shape[0]),
        **{
            f"{prefix}: {percent}. percentile of grey values": level
            for percent, level in _levels(volume.voxels)
        },
    }


def _of_image(image: Dataset) -> Iterator[tuple[str, float]]:
    yield "input: rows", float(image.Rows)
    yield "input: columns", float(image.Columns)
    yield "input: frames", float(number_of_frames(image))
    spacing_mm = calibration_of(image, 1).spacing_mm
    if spacing_mm is not None:
        yield "input: row spacing (mm)", spacing_mm[0]


def _levels(values: NDArray[Any]) -> Sequence[tuple[int, float]]:
    step = max(1, values.size // _SAMPLES_AT_MOST)
    # Of the iterator, for a flat view of voxels that do not follow each other is a copy of all.
    levels = np.percentile(values.flat[::step], _PERCENTILES)
    return [(percent, float(level)) for percent, level in zip(_PERCENTILES, levels, strict=True)]
