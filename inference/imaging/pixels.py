"""Decode stored pixels of grey images, and say which of them are padding."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from inference.imaging.attributes import value_of, whole_number
from inference.imaging.frames import number_of_frames
from inference.refusals import VolumeRefused
from storage.core.errors import LimitExceeded
from storage.core.text.padding import unpadded
from storage.pixels.decoding import decode_frames

_RESEND = "Ask for a resend."
_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian}
_MAX_DECODED_BYTES = 2 << 30
_GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True)
class _Form:
    """How stored pixels are laid out: (frames, rows, columns), and the bits of each."""

    shape: tuple[int, int, int]
    allocated: int
    stored: int
    high_bit: int
    signed: bool


def check_grey(dataset: Dataset) -> str:
    """The photometric interpretation, or VolumeRefused where a voxel has no one grey value."""
    photometric = unpadded(str(dataset.get("PhotometricInterpretation") or ""))
    if whole_number(dataset, "SamplesPerPixel", 1) != 1 or photometric not in _GREY:
        raise VolumeRefused(
            f"The images are colour or carry a palette ({photometric or 'not stated'}); a volume"
            " needs one grey value a voxel.",
            remedy="Send the original grey images.",
        )
    if "ModalityLUTSequence" in dataset:
        raise VolumeRefused(
            "The images carry a modality look-up table in place of RescaleSlope.",
            remedy="Ask for images with RescaleSlope and RescaleIntercept.",
        )
    return photometric


def stored_values(dataset: Dataset, label: str) -> NDArray[np.integer[Any]]:
    """All frames of one instance as stored, shape (frames, rows, columns).

    Uncompressed pixels are a view of the data set's own bytes; the others are decoded by
    pydicom's plugins. Bits above BitsStored are removed. Raises VolumeRefused.
    """
    if "PixelData" not in dataset:
        raise VolumeRefused(f"Slice {label} has no pixels.", remedy=_RESEND)
    form = _form(dataset)
    file_meta = getattr(dataset, "file_meta", None)
    transfer_syntax_uid = file_meta.get("TransferSyntaxUID") if file_meta else None
    if transfer_syntax_uid in _NATIVE:
        expected = math.prod(form.shape) * form.allocated // 8
        data = dataset.PixelData
        if not isinstance(data, bytes) or len(data) < expected:
            raise VolumeRefused(
                f"Slice {label} ends after {len(data or b'')} of {expected} bytes of pixels.",
                remedy=_RESEND,
            )
        kind = f"<{'i' if form.signed else 'u'}{form.allocated // 8}"
        values = np.frombuffer(data, kind, math.prod(form.shape))
        return _within_bits_stored(values, form).reshape(form.shape)
    try:
        decoded = decode_frames(dataset, _MAX_DECODED_BYTES, what=f"slice {label}")
    except LimitExceeded as error:
        raise VolumeRefused(error.message, remedy=error.remedy) from error
    # pydicom and its plugins raise whatever their decoder raises, RuntimeError above all.
    except (RuntimeError, ValueError, AttributeError, NotImplementedError, KeyError) as error:
        raise VolumeRefused(
            f"The pixels of slice {label} cannot be decoded"
            f" (transfer syntax {getattr(transfer_syntax_uid, 'name', 'unknown')}).",
            remedy="Ask for a resend, uncompressed if it happens again.",
        ) from error
    if decoded.size != math.prod(form.shape):
        raise VolumeRefused(f"Slice {label} has not the size that it states.", remedy=_RESEND)
    return np.asarray(decoded).reshape(form.shape)


def padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """The stored values that mean "nothing was measured here" (PS3.3 C.7.5.1.1.2).

    Some senders write a negative padding value as if it were unsigned; it is read in the
    representation of the pixels.
    """
    first = _as_pixel(dataset, "PixelPaddingValue")
    if first is None:
        return None
    limit = _as_pixel(dataset, "PixelPaddingRangeLimit")
    ends = (first, first if limit is None else limit)
    return min(ends), max(ends)


def _as_pixel(dataset: Dataset, keyword: str) -> int | None:
    value = value_of(dataset, keyword)
    if value is None:
        return None
    if isinstance(value, bytes):  # an ambiguous VR that nobody resolved
        number = int.from_bytes(value[:2], "little")
    else:
        number = whole_number(dataset, keyword)
    form = _form(dataset)
    if form.signed and number >= 1 << (form.allocated - 1):
        return number - (1 << form.allocated)
    if not form.signed and number < 0:
        return number + (1 << form.allocated)
    return number


def _form(dataset: Dataset) -> _Form:
    shape = (
        number_of_frames(dataset),
        whole_number(dataset, "Rows"),
        whole_number(dataset, "Columns"),
    )
    allocated = whole_number(dataset, "BitsAllocated")
    stored = whole_number(dataset, "BitsStored")
    high_bit = whole_number(dataset, "HighBit", stored - 1)
    representation = whole_number(dataset, "PixelRepresentation")
    fits = allocated in (8, 16, 32) and 1 <= stored <= high_bit + 1 <= allocated
    if not fits or representation not in (0, 1):
        raise VolumeRefused(
            f"Pixels of {stored} bits up to bit {high_bit} in {allocated} bits, representation"
            f" {representation}, cannot be read.",
            remedy="Ask for a resend with 8 or 16 bits a pixel.",
        )
    return _Form(shape, allocated, stored, high_bit, representation == 1)


def _within_bits_stored(values: NDArray[np.integer[Any]], form: _Form) -> NDArray[np.integer[Any]]:
    """Drop overlay bits and extend the sign (PS3.5 8.1.1); a view where nothing is to do."""
    if form.stored == form.allocated:
        return values
    shifted = np.left_shift(values, form.allocated - 1 - form.high_bit)
    return np.asarray(np.right_shift(shifted, form.allocated - form.stored))
