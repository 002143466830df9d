"""Text in pixels, found by OCR and by the regions that ultrasound machines state, and blanked.

Afterwards OCR looks again: an image in which it still reads something does not leave.

Of images whose headers make text likely all that OCR may have read counts. Of others anatomy and
noise are read as letters now and then, over half of an image: what is less sure or larger than any
writing does not count there, and neither do the marks of a film's projection.
"""

import hashlib
import re
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset

from inference.deidentification.errors import CannotDeidentify
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
"""Of the height of a line, blanked around it."""
_SHORTEST_TEXT = 2
_Box = tuple[slice, slice]
"""Rows and columns."""
_LEAST_CONFIDENCE = 0.6
_LARGEST_LINE = 0.25
"""Of the image's longer side. In ten of forty slices of the shared data, all without text, OCR read
letters, in boxes of 28 % of the image and more."""
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
        return any(
            _text_boxes(frame, is_written)
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
"""Of a line, and its height as a share of the image's longer side."""


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
    # Frames of a loop are often the same.
    known: dict[bytes, list[_Box]] = {}
    for frame in frames:
        digest = hashlib.sha256(frame.tobytes()).digest()
        is_new = digest not in known
        boxes = known.setdefault(digest, _text_boxes(frame, counts) if is_new else [])
        for rows, columns in boxes:
            frame[rows, columns] = blank
        if is_new and boxes and _text_boxes(frame, counts):
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


def _text_boxes(frame: NDArray[np.generic], counts: Counts) -> list[_Box]:
    """Of each line that OCR reads and that counts, with a margin."""
    height, width = frame.shape[:2]
    return [
        _pixels(line.box, height, width)
        for line in read_image(_shown(frame), 1).lines
        if counts(line, (line.box[3] - line.box[1]) * height / max(height, width))
    ]


def _pixels(box: Box, height: int, width: int) -> _Box:
    left, top, right, bottom = box
    margin = _MARGIN * (bottom - top) * height
    return (
        slice(max(int(top * height - margin), 0), int(np.ceil(bottom * height + margin)) + 1),
        slice(max(int(left * width - margin), 0), int(np.ceil(right * width + margin)) + 1),
    )


def _shown(frame: NDArray[np.generic]) -> Image.Image:
    """As a person sees it, from the lowest value to the highest, and large enough for OCR."""
    values = frame.astype(np.float32)
    span = float(values.max() - values.min()) or 1.0
    image = Image.fromarray(((values - values.min()) * (255.0 / span)).astype(np.uint8))
    scale = max(1, -(-_LEAST_SIDE_PIXELS // max(image.size)))
    return image.convert("RGB").resize((image.width * scale, image.height * scale))
