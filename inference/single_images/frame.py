"""One frame of a DICOM image as a model is to see it: decoded, windowed, upright in polarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from inference.calibration.decision import calibration_of
from inference.imaging.attributes import whole_number
from inference.imaging.grayscale import Window, frame_transforms, unit_values
from inference.imaging.palette import apply_palette
from inference.imaging.pixels import padding_range
from inference.imaging.shutters import open_part, shutter_of
from inference.single_images.card import Grey
from inference.single_images.refusals import ImageRefused, NothingShown
from storage.core.errors import LimitExceeded
from storage.core.text.padding import unpadded
from storage.pixels.decoding import DECODER_ERRORS, decode_frame_of
from storage.pixels.processes import budget

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_BYTE = 8
_STATED = (
    "WindowCenter",
    "VOILUTSequence",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
)
_RESEND = "Ask for a resend, uncompressed if it happens again."


@dataclass(frozen=True)
class ImageFrame:
    """`values` float32 from 0 (black) to 1 (white), shape (rows, columns, channels).

    `covered`: which pixels are image: neither padding nor behind a shutter. `aspect` is the
    height of a pixel over its width. `stored`: the pixels before any of that.
    """

    values: NDArray[np.float32]
    covered: NDArray[np.bool_]
    aspect: float
    stored: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]


def read_frame(
    dataset: Dataset, frame_index: int, grey: Grey, *, shutters: bool = True
) -> ImageFrame:
    """Decode one frame, `frame_index` from 0, within the pixel budget.

    Raises ImageRefused, naming what is in the way, and LimitExceeded before anything is
    decoded that is larger than the node allows.
    """
    try:
        stored: Any = np.asarray(decode_frame_of(dataset, frame_index))
        values, padding = _shown(stored, dataset, frame_index, grey)
    except (LimitExceeded, ImageRefused):
        raise
    except DECODER_ERRORS as error:
        raise ImageRefused("The pixels of the image cannot be decoded.", remedy=_RESEND) from error
    covered = ~padding
    if shutters:
        covered &= open_part(shutter_of(dataset, frame_index), *values.shape[:2])
    if not covered.any():
        raise NothingShown("All of the image is padding or behind its shutter.", remedy=_RESEND)
    row, column = calibration_of(dataset, frame_index + 1).aspect
    return ImageFrame(np.ascontiguousarray(values, np.float32), covered, row / column, stored)


def check_image(header: Dataset) -> None:
    """Raise ImageRefused or LimitExceeded where the header tells that it cannot be shown."""
    if header.get("Rows") is None or header.get("Columns") is None:
        raise ImageRefused(f"It is not an image (modality {header.get('Modality')}).")
    photometric = unpadded(str(header.get("PhotometricInterpretation") or ""))
    if photometric not in (*GREY, *COLOUR):
        raise ImageRefused(f"Its pixels are {photometric or 'of an unstated kind'}.")
    samples = whole_number(header, "SamplesPerPixel", 1)
    budget().check_size(
        whole_number(header, "Columns"), whole_number(header, "Rows"), samples, what="image"
    )


def _shown(
    stored: NDArray[Any], dataset: Dataset, frame_index: int, grey: Grey
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values from 0 to 1 with an axis of channels, and where the frame is padding."""
    none = np.zeros(stored.shape[:2], bool)
    if unpadded(str(dataset.get("PhotometricInterpretation") or "")) == "PALETTE COLOR":
        coloured = apply_palette(stored, dataset)
        deep = coloured.dtype.itemsize > 1
        return coloured[..., :3].astype(np.float32) / (65535.0 if deep else 255.0), none
    if stored.ndim == 3:
        most = 2.0 ** int(dataset.get("BitsStored") or 8) - 1.0
        return np.clip(stored[..., :3].astype(np.float32) / most, 0, 1), none
    padding = none
    padded = padding_range(dataset)
    if padded is not None:
        padding = (stored >= padded[0]) & (stored <= padded[1])
    transforms = frame_transforms(dataset, frame_index)
    window = _window(stored, padding, transforms, grey) or _of_bytes(dataset, transforms)
    return unit_values(stored, dataset, transforms, window)[..., None], padding


def _of_bytes(dataset: Dataset, transforms: Dataset) -> Window | None:
    """Eight bits without a window are shown as they are: stretched, a dark frame would be bright.

    None of all others.
    """
    bits = int(dataset.get("BitsStored") or 0)
    stated = any(keyword in transforms for keyword in _STATED)
    if bits != _BYTE or stated or dataset.get("PixelRepresentation"):
        return None
    most = 2.0**bits - 1.0
    return Window(most / 2, most, "LINEAR_EXACT")


def _window(
    stored: NDArray[Any], padding: NDArray[np.bool_], transforms: Dataset, grey: Grey
) -> Window | None:
    """The card's own window in units of the modality; None for the one that the frame states."""
    if grey.values is not None:
        low, high = grey.values
    elif grey.percentiles is not None:
        some = stored[~padding] if not padding.all() else stored
        values = np.asarray(apply_modality_lut(some, transforms), np.float64)
        low, high = (float(one) for one in np.percentile(values, grey.percentiles))
    else:
        return None
    return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")
