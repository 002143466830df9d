"""Every slice with its segments as one multi-frame secondary capture (PS3.3 A.8.5).

For a PACS that shows no SEG, and a reader who scrolls. JPEG, since as plain RGB it would be
larger than the series that it is about.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    JPEGBaseline8Bit,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)
from pydicom.valuerep import format_number_as_ds

from inference.imaging.frames import is_multiframe
from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.results.narrative import note_of
from inference.results.pictures.caption import captioned, letters
from inference.results.pictures.render import overlaid, resized, window_of
from inference.results.pictures.sc import secondary_capture, source_reference
from storage.core.entities import Job

_LONGER_SIDE_PIXELS = 512
_QUALITY = 90


def encode_stack(
    job: Job, pipeline: Pipeline, sources: Sequence[Dataset], volume: Volume, output: PipelineOutput
) -> Dataset:
    """One frame a slice, in the order of the volume, each with its place along the normal.

    Frames have square pixels and 512 of them along the longer side, captions aside.
    UIDs and dates derive from the job, so a rerun repeats them.
    """
    first = sources[volume.instance_indices[0]]
    _, row_mm, column_mm = volume.spacing_mm
    _, rows, columns = volume.voxels.shape
    spacing_mm = max(rows * row_mm, columns * column_mm) / _LONGER_SIDE_PIXELS
    along = letters(volume.lps_from_kji)
    frames = _frames(pipeline, volume, output, spacing_mm)
    rgb = next(frames)
    stack = secondary_capture(
        job, pipeline, first, "STACK", rgb, spacing_mm, (along[0][1], along[1][1])
    )
    encoded = [_jpeg(rgb), *(_jpeg(frame) for frame in frames)]
    uid = MultiFrameTrueColorSecondaryCaptureImageStorage
    stack.SOPClassUID = stack.file_meta.MediaStorageSOPClassUID = uid
    stack.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    stack.PhotometricInterpretation = "YBR_FULL_422"
    stack.PixelData = encapsulate(encoded)
    stack["PixelData"].VR = "OB"
    stack["PixelData"].is_undefined_length = True
    stack.NumberOfFrames = len(encoded)
    stack.FrameIncrementPointer = Tag("SliceLocationVector")
    stack.SliceLocationVector = [format_number_as_ds(mm) for mm in _locations_mm(volume)]
    stack.LossyImageCompression = "01"
    plain_bytes = rgb.size * len(encoded)
    stack.LossyImageCompressionRatio = format_number_as_ds(
        round(plain_bytes / sum(map(len, encoded)), 1)
    )
    stack.LossyImageCompressionMethod = "ISO_10918_1"
    stack.DerivationDescription = f"{pipeline.name} {pipeline.version}: all slices"[:1024]
    stack.ImageComments = note_of(pipeline)
    stack.SourceImageSequence = list(_references(sources, volume))
    return stack


def _frames(
    pipeline: Pipeline, volume: Volume, output: PipelineOutput, spacing_mm: float
) -> Iterator[NDArray[np.uint8]]:
    window = window_of(volume)
    along = letters(volume.lps_from_kji)
    count = len(volume.voxels)
    _, row_mm, column_mm = volume.spacing_mm
    for k in range(count):
        rgb, _ = overlaid(volume, output, k, window)
        footer = f"{note_of(pipeline)} {k + 1}/{count}. {pipeline.name} {pipeline.version}"
        image = resized(rgb, row_mm, column_mm, spacing_mm)
        yield np.asarray(captioned(image, along, (), footer))


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_QUALITY, subsampling="4:2:2")
    encoded = buffer.getvalue()
    return encoded + b"\0" * (len(encoded) % 2)


def _locations_mm(volume: Volume) -> list[float]:
    """Along the normal of the slices, from the origin of the patient's frame of reference."""
    row, column = volume.lps_from_kji[:3, 2], volume.lps_from_kji[:3, 1]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    first, step = volume.lps_from_kji[:3, 3] @ normal, volume.lps_from_kji[:3, 0] @ normal
    return [float(first + k * step) for k in range(len(volume.voxels))]


def _references(sources: Sequence[Dataset], volume: Volume) -> Iterator[Dataset]:
    frames: dict[int, list[int]] = {}
    for index, number in zip(volume.instance_indices, volume.frame_numbers, strict=True):
        frames.setdefault(index, []).append(number)
    for index, numbers in frames.items():
        source = sources[index]
        yield source_reference(source, numbers if is_multiframe(source) else None)
