"""Text in pixels, found by OCR and by the regions that ultrasound machines state, and blanked.

Afterwards OCR looks again: an image in which it still reads something does not leave.

Of images whose headers make text likely all that OCR may have read counts. Of others anatomy and
noise are read as letters now and then, over half of an image: what is less sure or larger than any
writing does not count there, and neither do the marks of a film's projection.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.pixels.burned_in import is_film
from inference.deidentification.pixels.spelled_out import spelled_out
from inference.deidentification.pixels.stated_windows import StatedWindow, stated_windows
from inference.language.documents.page import Box, Line
from inference.language.documents.reading import read_image
from storage.core.errors import MediViewError
from storage.pixels.decoding import decode_frames, decompress, each_frame

_MOST_BYTES = 512 << 20
# OCR takes a second or more for each.
_MOST_FRAMES = 600
# OCR wants letters of some twenty pixels; those of ultrasound machines have ten.
_LEAST_SIDE_PIXELS = 1000
_MARGIN = 0.4
"""Of the thickness of a line, blanked around it."""
_SHORTEST_TEXT = 2
_Box = tuple[slice, slice]
"""Rows and columns."""
_LEAST_CONFIDENCE = 0.6
_LARGEST_LINE = 0.5
"""Of the image's longer side. In ten of forty slices of the shared data, all without text, OCR read
letters, but for one with less confidence in boxes of 80 % of the image and more."""
_MOST_VALUES = (0.5, 99.5)
_GRAIN_PIXELS = 1.5
_BROAD = 40
"""Part of the longer side, by which the surroundings of letters are averaged."""
_GREY = 2
_LIKE = 0.7
"""A view whose range is no narrower and no wider than by that of another one shows nothing else."""
_LEAST_SIDES_PIXELS = (8, 24)
"""Rows and columns, or the other way round: what two characters and more take."""
_MARKS = frozenset(
    "AP PA LAT LL RL CC MLO LCC RCC LMLO RMLO ML LM XCCL ERECT SUPINE PRONE PORTABLE MOBILE"
    " STANDING SITTING UPRIGHT LEFT RIGHT INSP EXP".split()
)
_PLAIN = frozenset({"MONOCHROME1", "MONOCHROME2", "RGB"})


def has_written_text(dataset: FileDataset, *, every_frame: bool) -> bool:
    """Whether OCR is sure of text that is none of a film's marks, in the first, the middle and the
    last frame, or in each. Raises CannotDeidentify."""
    try:
        windows = stated_windows(dataset)
        film = is_film(dataset)
        return any(
            _text_boxes(frame, is_written, windows, film)
            for frame in _looked_at(dataset, every_frame)
            if _can_show_text(frame)
        )
    except (MediViewError, ValueError) as error:
        raise CannotDeidentify(
            "Its pixels cannot be decoded, so that nobody knows whether they carry text.",
            remedy="Leave this instance out.",
        ) from error


def _looked_at(dataset: FileDataset, every_frame: bool) -> Iterable[NDArray[np.generic]]:
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    wanted = range(count) if every_frame else {0, count // 2, count - 1}
    return (frame for n, frame in enumerate(each_frame(dataset, _MOST_BYTES)) if n in wanted)


def _can_show_text(frame: NDArray[np.generic]) -> bool:
    sides = sorted(frame.shape[:2])
    is_large = all(side >= least for side, least in zip(sides, _LEAST_SIDES_PIXELS, strict=True))
    return is_large and bool(frame.min() != frame.max())


Counts = Callable[[Line, float], bool]
"""Of a line, and its thickness as a share of the image's longer side."""


def is_text(line: Line, _height: float) -> bool:
    return sum(one.isalnum() for one in line.text) >= _SHORTEST_TEXT


def is_written(line: Line, height: float) -> bool:
    """Whether it is text for sure, and no mark of a film."""
    return (
        is_text(line, height)
        and line.confidence >= _LEAST_CONFIDENCE
        and height <= _LARGEST_LINE
        and not set(re.findall(r"\w+", line.text.upper())) <= _MARKS
    )


def blank_text(dataset: FileDataset, counts: Counts = is_text) -> None:
    """Blank the lines that count, in place; compressed pixels become uncompressed.

    Raises CannotDeidentify.
    """
    frames = _frames(dataset)
    blank = _blank_value(dataset, frames)
    regions = _image_regions(dataset, frames.shape[1:3])
    if regions is not None:
        frames[:, ~regions] = blank
    windows = stated_windows(dataset)
    film = is_film(dataset)
    # Frames of a loop are often the same.
    known: dict[bytes, list[_Box]] = {}
    for frame in frames:
        digest = hashlib.sha256(frame.tobytes()).digest()
        is_new = digest not in known
        boxes = known.setdefault(
            digest, _text_boxes(frame, counts, windows, film) if is_new else []
        )
        for rows, columns in boxes:
            frame[rows, columns] = blank
        if is_new and boxes and _text_boxes(frame, counts, windows, film):
            raise CannotDeidentify(
                "Text is still in its pixels after all that was found was blanked.",
                remedy="Leave this instance out.",
            )
    data = frames.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if frames.itemsize == 1 else "OW"
    dataset.BurnedInAnnotation = "NO"


def _frames(dataset: FileDataset) -> NDArray[np.generic]:
    """Frames × rows × columns (× samples), which may be changed."""
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    if count > _MOST_FRAMES:
        raise CannotDeidentify(
            f"It has {count} frames; text is looked for in {_MOST_FRAMES} at most.",
            remedy="Leave this instance out.",
        )
    decompress(dataset, _MOST_BYTES)
    frames = np.array(decode_frames(dataset, _MOST_BYTES))
    if dataset.PhotometricInterpretation.startswith("YBR"):
        dataset.PhotometricInterpretation = "RGB"
    is_plain = dataset.PhotometricInterpretation in _PLAIN
    if not is_plain or frames.itemsize * 8 != int(dataset.BitsAllocated) or frames.itemsize > 2:
        raise CannotDeidentify(
            f"Text cannot be blanked in pixels that are {dataset.PhotometricInterpretation} of"
            f" {dataset.BitsAllocated} bits.",
            remedy="Leave this instance out.",
        )
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    return frames


def _blank_value(dataset: FileDataset, frames: NDArray[np.generic]) -> int:
    lowest, highest = int(frames.min()), int(frames.max())
    return highest if dataset.PhotometricInterpretation == "MONOCHROME1" else lowest


def _image_regions(dataset: FileDataset, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Pixels of the regions with an image, spectrum or curve (PS3.3 C.8.5.5.1); None: not stated.

    Around them ultrasound machines write whose image it is.
    """
    regions = dataset.get("SequenceOfUltrasoundRegions")
    if not regions:
        return None
    inside = np.zeros(shape, np.bool_)
    for region in regions:
        rows = slice(int(region.RegionLocationMinY0), int(region.RegionLocationMaxY1) + 1)
        columns = slice(int(region.RegionLocationMinX0), int(region.RegionLocationMaxX1) + 1)
        inside[rows, columns] = True
    return inside


def _text_boxes(
    frame: NDArray[np.generic], counts: Counts, windows: Sequence[StatedWindow], is_film: bool
) -> list[_Box]:
    """Of each line that OCR reads and that counts, with a margin: upright and turned.

    Of a film also what is faint (`_without_noise`), upright.
    """
    first, *others = _views(frame, windows)
    boxes = _boxes_in(first, counts)
    # What is read in the other views and turned must be sure: tissue has more shapes there.
    for one in others:
        boxes += _boxes_in(one, is_written)
    if is_film and frame.ndim == _GREY:
        boxes += _boxes_in(_without_noise(frame), is_written)
    columns = frame.shape[1]
    for one in others[-max(len(windows), 1) :] or [first]:
        turned = np.ascontiguousarray(np.rot90(one))
        for rows, along in _boxes_in(turned, is_written):
            boxes.append((along, slice(max(columns - rows.stop, 0), columns - rows.start)))
    return boxes


def _boxes_in(view: NDArray[np.uint8], counts: Counts) -> list[_Box]:
    height, width = view.shape[:2]
    lines = read_image(_enlarged(view), 1).lines
    boxes = [
        _pixels(line.box, height, width)
        for line in lines
        if counts(line, _thickness(line.box, height, width) / max(height, width))
    ]
    return boxes + [
        _pixels(box, height, width) for box in spelled_out(lines, (height, width), counts)
    ]


def _thickness(box: Box, height: int, width: int) -> float:
    """Of a line in pixels, which OCR also reads where it is written from top to bottom."""
    left, top, right, bottom = box
    return min((bottom - top) * height, (right - left) * width)


def _pixels(box: Box, height: int, width: int) -> _Box:
    left, top, right, bottom = box
    margin = _MARGIN * _thickness(box, height, width)
    return (
        slice(max(int(top * height - margin), 0), int(np.ceil(bottom * height + margin)) + 1),
        slice(max(int(left * width - margin), 0), int(np.ceil(right * width + margin)) + 1),
    )


def _views(frame: NDArray[np.generic], windows: Sequence[StatedWindow]) -> list[NDArray[np.uint8]]:
    """As a person may see it: from the lowest value to the highest, without the few that are far
    from all others, beside which writing is faint, and in each window that the header states.

    Around what nearly all values are is room, so that noise does not cover what is written."""
    values = frame.astype(np.float32)
    whole = StatedWindow(float(values.min()), float(values.max()))
    looks = [whole]
    low, high = np.percentile(values, _MOST_VALUES)
    around = StatedWindow(
        float(max(low - (high - low), whole.low)), float(min(high + (high - low), whole.high))
    )
    looks += [
        one
        for one in (around, *windows)
        if one.high > one.low and (one.table is not None or not _is_like_any(one, looks))
    ]
    return [(one.brightness_of(values) * 255.0).astype(np.uint8) for one in looks]


def _without_noise(frame: NDArray[np.generic]) -> NDArray[np.uint8]:
    """As the eye reads faint letters on a film: without the grain, and without what is broad."""
    from scipy.ndimage import gaussian_filter

    values = frame.astype(np.float32)
    broad = max(values.shape) / _BROAD
    shown = np.asarray(gaussian_filter(values, _GRAIN_PIXELS) - gaussian_filter(values, broad))
    low, high = np.percentile(shown, _MOST_VALUES)
    bright = np.clip((shown - low) / max(float(high - low), 1e-6), 0, 1) * 255.0
    return np.asarray(bright, np.uint8)


def _is_like_any(one: StatedWindow, looks: list[StatedWindow]) -> bool:
    return any(
        _LIKE < (one.high - one.low) / (other.high - other.low) < 1 / _LIKE
        and one.low < other.high
        and one.high > other.low
        for other in looks
        if other.high > other.low and other.table is None
    )


def _enlarged(view: NDArray[np.uint8]) -> Image.Image:
    """Large enough for OCR."""
    image = Image.fromarray(view)
    scale = max(1, -(-_LEAST_SIDE_PIXELS // max(image.size)))
    return image.convert("RGB").resize((image.width * scale, image.height * scale))
