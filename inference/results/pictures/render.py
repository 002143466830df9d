"""Pictures of a result for readers that show neither SEG nor SR: slices with their segments."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput, Segment
from inference.results.pictures.caption import Line, captioned, letters
from inference.results.pictures.key_slices import key_slices

_SHORTER_SIDE_PIXELS = 512
_WINDOW_PERCENTILES = (1.0, 99.5)
_FILL_ALPHA = 0.3

Window = tuple[float, float]
"""The grey values that are black and white."""


@dataclass(frozen=True)
class Picture:
    """One slice with its segments in colour.

    `rgb`: uint8, shape (rows, columns, 3), square pixels of `spacing_mm`, caption included.
    `instance_index` is that of the source in the sequence the volume was assembled from;
    `patient_orientation` of rows and columns as in PS3.3 C.7.6.1.1.1.
    """

    rgb: NDArray[np.uint8]
    spacing_mm: float
    instance_index: int
    frame_number: int
    patient_orientation: tuple[str, str]
    segment_labels: tuple[str, ...]
    lines: tuple[str, ...]
    """What is burned in below the image, a number each."""


def draw_pictures(
    volume: Volume,
    output: PipelineOutput,
    captions: Mapping[int, tuple[str, ...]],
    footer: str,
    *,
    left_out: Collection[int] = (),
) -> list[Picture]:
    """The slices that show the segments best, in the order of the volume.

    `captions`: what is stated of each segment, by its number. `footer` stands at the foot of
    each picture: whose result it is, and that it is not verified. `left_out`: numbers of segments
    that are not shown, on the slices that would show them.
    """
    if not output.segments:
        return []
    window = window_of(volume)
    shown = _without(output, left_out)
    return [_draw(volume, shown, k, window, captions, footer) for k in key_slices(output)]


def _without(output: PipelineOutput, left_out: Collection[int]) -> PipelineOutput:
    if output.masks is None or not left_out:
        return output
    masks = output.masks.copy()
    for number in left_out:
        if masks.ndim == 4:
            masks[..., number - 1] = False
        else:
            masks[masks == number] = 0
    return replace(output, masks=masks)


def window_of(volume: Volume) -> Window:
    """From the darkest to the brightest grey value but for a few, padding aside."""
    padding = volume.padding_mask()
    # Every eighth voxel of each direction tells as much.
    some = volume.voxels[::2, ::4, ::4]
    if padding is not None and not padding.all():
        some = some[~padding[::2, ::4, ::4]]
    low, high = (float(value) for value in np.percentile(some, _WINDOW_PERCENTILES))
    return low, max(high, low + 1e-6)


def overlaid(
    volume: Volume, output: PipelineOutput, k: int, window: Window
) -> tuple[NDArray[np.uint8], list[int]]:
    """One slice of the source's size in RGB with its segments, and the indices of those in it."""
    low, high = window
    grey = np.clip((volume.voxels[k] - low) / (high - low), 0.0, 1.0)
    if volume.photometric_interpretation == "MONOCHROME1":
        grey = 1.0 - grey
    rgb = np.repeat(np.rint(grey * 255).astype(np.float32)[..., None], 3, axis=2)
    masks = [output.mask(index, k) for index in range(len(output.segments))]
    return overlaid_plane(rgb, masks, output.segments)


def overlaid_plane(
    rgb: NDArray[np.float32], masks: Sequence[NDArray[np.bool_]], segments: Sequence[Segment]
) -> tuple[NDArray[np.uint8], list[int]]:
    """An image from 0 to 255 with a mask for each segment, and the indices of those in it."""
    rgb = rgb.copy()
    shown = []
    for index, (mask, segment) in enumerate(zip(masks, segments, strict=True)):
        if not mask.any():
            continue
        shown.append(index)
        color = np.array(segment.color_rgb, np.float32)
        rgb[mask] += (color - rgb[mask]) * _FILL_ALPHA
        rgb[_outline(mask)] = color
    return rgb.astype(np.uint8), shown


def _draw(
    volume: Volume,
    output: PipelineOutput,
    k: int,
    window: Window,
    captions: Mapping[int, tuple[str, ...]],
    footer: str,
) -> Picture:
    rgb, shown = overlaid(volume, output, k, window)
    lines = [
        Line(text, output.segments[index].color_rgb)
        for index in shown
        for text in captions.get(index + 1, ())
    ]
    _, row_mm, column_mm = volume.spacing_mm
    spacing_mm = _fit_to_look_at(rgb, row_mm, column_mm)
    image = resized(rgb, row_mm, column_mm, spacing_mm)
    along_row, along_column = letters(volume.lps_from_kji)
    return Picture(
        rgb=np.asarray(captioned(image, (along_row, along_column), lines, footer)),
        spacing_mm=spacing_mm,
        instance_index=volume.instance_indices[k],
        frame_number=volume.frame_numbers[k],
        patient_orientation=(along_row[1], along_column[1]),
        segment_labels=tuple(output.segments[index].label for index in shown),
        lines=tuple(line.text for line in lines),
    )


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outline: NDArray[np.bool_] = mask & ~inner
    return outline


def resized(
    rgb: NDArray[np.uint8], row_mm: float, column_mm: float, spacing_mm: float
) -> Image.Image:
    """With square pixels of `spacing_mm`."""
    height_mm, width_mm = rgb.shape[0] * row_mm, rgb.shape[1] * column_mm
    size = max(1, round(width_mm / spacing_mm)), max(1, round(height_mm / spacing_mm))
    return Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)


def _fit_to_look_at(rgb: NDArray[np.uint8], row_mm: float, column_mm: float) -> float:
    """The size of pixels in mm by which nothing is lost and the shorter side is large enough."""
    shorter_mm = min(rgb.shape[0] * row_mm, rgb.shape[1] * column_mm)
    spacing_mm: float = min(row_mm, column_mm, shorter_mm / _SHORTER_SIDE_PIXELS)
    return spacing_mm
