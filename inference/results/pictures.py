"""Pictures of a result for readers that show neither SEG nor SR: slices with their segments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.pipeline import PipelineOutput
from inference.volume import Volume

_MOST_PICTURES = 6
_SHORTER_SIDE_PIXELS = 512
_WINDOW_PERCENTILES = (1.0, 99.5)
_FILL_ALPHA = 0.3
_MARGIN_PIXELS = 8
_FOOTER_PIXELS = 22
_YELLOW, _WHITE = (255, 214, 10), (255, 255, 255)
_NEGATIVE, _POSITIVE = ("R", "A", "F"), ("L", "P", "H")


@dataclass(frozen=True)
class Picture:
    """One slice with its segments in colour.

    `rgb`: uint8, shape (rows, columns, 3), square pixels of `spacing_mm`, footer included.
    `instance_index` is that of the source in the sequence the volume was assembled from;
    `patient_orientation` of rows and columns as in PS3.3 C.7.6.1.1.1.
    """

    rgb: NDArray[np.uint8]
    spacing_mm: float
    instance_index: int
    frame_number: int
    patient_orientation: tuple[str, str]
    segment_labels: tuple[str, ...]


def draw_pictures(volume: Volume, output: PipelineOutput, footer: str) -> list[Picture]:
    """The slices that show the segments best, six at most, in the order of the volume.

    `footer` stands at the foot of each: whose result it is, and that it is not verified.
    """
    if not output.segments:
        return []
    low, high = _window(volume)
    return [_draw(volume, output, k, (low, high), footer) for k in _best_slices(output)]


def _window(volume: Volume) -> tuple[float, float]:
    padding = volume.padding_mask()
    # Every eighth voxel of each direction tells as much.
    some = volume.voxels[::2, ::4, ::4]
    if padding is not None and not padding.all():
        some = some[~padding[::2, ::4, ::4]]
    low, high = (float(value) for value in np.percentile(some, _WINDOW_PERCENTILES))
    return low, max(high, low + 1e-6)


def _best_slices(output: PipelineOutput) -> list[int]:
    votes: dict[int, int] = {}
    for index in range(len(output.segments)):
        areas = output.mask(index).sum(axis=(1, 2))
        if areas.any():
            best = int(areas.argmax())
            votes[best] = votes.get(best, 0) + 1
    chosen = sorted(votes, key=lambda k: (-votes[k], k))[:_MOST_PICTURES]
    return sorted(chosen)


def _draw(
    volume: Volume, output: PipelineOutput, k: int, window: tuple[float, float], footer: str
) -> Picture:
    low, high = window
    grey = np.clip((volume.voxels[k] - low) / (high - low), 0.0, 1.0)
    if volume.photometric_interpretation == "MONOCHROME1":
        grey = 1.0 - grey
    rgb = np.repeat(np.rint(grey * 255).astype(np.float32)[..., None], 3, axis=2)
    shown = []
    for index, segment in enumerate(output.segments):
        mask = output.mask(index)[k]
        if not mask.any():
            continue
        shown.append(segment.label)
        color = np.array(segment.color_rgb, np.float32)
        rgb[mask] += (color - rgb[mask]) * _FILL_ALPHA
        rgb[_outline(mask)] = color
    _, row_mm, column_mm = volume.spacing_mm
    image, spacing_mm = _square(rgb.astype(np.uint8), row_mm, column_mm)
    along_row, along_column = _letters(volume.lps_from_kji)
    return Picture(
        rgb=np.asarray(_annotated(image, along_row, along_column, footer)),
        spacing_mm=spacing_mm,
        instance_index=volume.instance_indices[k],
        frame_number=volume.frame_numbers[k],
        patient_orientation=(along_row[1], along_column[1]),
        segment_labels=tuple(shown),
    )


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outline: NDArray[np.bool_] = mask & ~inner
    return outline


def _square(rgb: NDArray[np.uint8], row_mm: float, column_mm: float) -> tuple[Image.Image, float]:
    """With square pixels, enlarged so that the shorter side is fit to be looked at."""
    height_mm, width_mm = rgb.shape[0] * row_mm, rgb.shape[1] * column_mm
    spacing_mm = min(row_mm, column_mm, min(height_mm, width_mm) / _SHORTER_SIDE_PIXELS)
    size = max(1, round(width_mm / spacing_mm)), max(1, round(height_mm / spacing_mm))
    return Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC), spacing_mm


def _letters(lps_from_kji: NDArray[np.float64]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Where a row begins and ends, and where a column does: as letters."""
    pairs = []
    for direction in (lps_from_kji[:3, 2], lps_from_kji[:3, 1]):
        axis = int(np.abs(direction).argmax())
        pair = (_NEGATIVE[axis], _POSITIVE[axis])
        pairs.append(pair if direction[axis] > 0 else pair[::-1])
    return pairs[0], pairs[1]


def _annotated(
    image: Image.Image, along_row: tuple[str, str], along_column: tuple[str, str], footer: str
) -> Image.Image:
    canvas = Image.new("RGB", (image.width, image.height + _FOOTER_PIXELS))
    canvas.paste(image)
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(14)
    middle = image.width / 2, image.height / 2
    for text, place, anchor in (
        (along_row[0], (_MARGIN_PIXELS, middle[1]), "lm"),
        (along_row[1], (image.width - _MARGIN_PIXELS, middle[1]), "rm"),
        (along_column[0], (middle[0], _MARGIN_PIXELS), "mt"),
        (along_column[1], (middle[0], image.height - _MARGIN_PIXELS), "mb"),
    ):
        draw.text(place, text, fill=_WHITE, font=font, anchor=anchor)
    foot = _MARGIN_PIXELS, image.height + _FOOTER_PIXELS / 2
    draw.text(foot, footer, fill=_YELLOW, font=ImageFont.load_default(12), anchor="lm")
    return canvas
