"""What a container is given as DICOM, and the numbers of what it marked beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from inference.pipeline import Measurement, PipelineContext, Segment
from inference.pipelines.codes import CM3, MM3_IN_CM3, VOLUME

if TYPE_CHECKING:
    from inference.containers.other_series import MarkedElsewhere


def write_dicom(context: PipelineContext, folder: Path) -> None:
    """The series in the folder; several in a folder each, which their roles name."""
    if not context.series:
        write_instances(context.images, folder)
        return
    folder.mkdir(mode=0o700)
    for role, images in context.series.items():
        write_instances(images, folder / role)


def write_instances(images: Sequence[Dataset], folder: Path) -> None:
    """Part 10 files in the transfer syntax in which they came, named by their number alone."""
    folder.mkdir(mode=0o700)
    for number, image in enumerate(images, start=1):
        image.save_as(folder / f"{number:05d}.dcm", enforce_file_format=True)


def with_volumes_elsewhere(
    measured: Sequence[Measurement],
    segments: Sequence[Segment],
    elsewhere: Sequence[MarkedElsewhere],
) -> tuple[Measurement, ...]:
    """Volumes of the reference's masks, of those from elsewhere as they were measured there, and
    of those that do not show on the reference as well."""
    there = {id(one.segment): one.volume_mm3 / MM3_IN_CM3 for one in elsewhere}
    found = [
        replace(one, value=there.get(id(segments[one.segment_index or 0]), one.value))
        for one in measured
    ]
    found += [
        Measurement(f"{one.segment.label} volume", VOLUME, one.volume_mm3 / MM3_IN_CM3, CM3)
        for one in elsewhere
        if not one.shows
    ]
    return tuple(found)
