"""Decode stored pixels of grey images, and say which of them are padding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from inference.refusals import VolumeRefused

_RESEND = "Ask for a resend."
_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian}
_GREY = ("MONOCHROME1", "MONOCHROME2")


def check_grey(dataset: Dataset) -> str:
    """The photometric interpretation, or VolumeRefused where a voxel has no one grey value."""
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or photometric not in _GREY:
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
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    file_meta = getattr(dataset, "file_meta", None)
    transfer_syntax_uid = file_meta.get("TransferSyntaxUID") if file_meta else None
    allocated = int(dataset.BitsAllocated)
    if transfer_syntax_uid in _NATIVE and allocated in (8, 16, 32):
        kind = "i" if int(dataset.PixelRepresentation) == 1 else "u"
        expected = frames * rows * columns * allocated // 8
        data: bytes = dataset.PixelData
        if len(data) < expected:
            raise VolumeRefused(
                f"Slice {label} ends after {len(data)} of {expected} bytes of pixels.",
                remedy=_RESEND,
            )
        values = np.frombuffer(data, f"<{kind}{allocated // 8}", frames * rows * columns)
        return _within_bits_stored(values, dataset).reshape(frames, rows, columns)
    try:
        decoded = pixel_array(dataset)
    # pydicom and its plugins raise whatever their decoder raises, RuntimeError above all.
    except (RuntimeError, ValueError, AttributeError, NotImplementedError, KeyError) as error:
        raise VolumeRefused(
            f"The pixels of slice {label} cannot be decoded"
            f" (transfer syntax {getattr(transfer_syntax_uid, 'name', 'unknown')}).",
            remedy="Ask for a resend, uncompressed if it happens again.",
        ) from error
    return np.asarray(decoded).reshape(frames, rows, columns)


def padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """The stored values that mean "nothing was measured here" (PS3.3 C.7.5.1.1.2).

    Some senders write a negative padding value as if it were unsigned; it is read in the
    representation of the pixels.
    """
    first = dataset.get("PixelPaddingValue")
    if first is None or first == "":
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_as_pixel(first, dataset), _as_pixel(first if limit in (None, "") else limit, dataset)]
    return min(ends), max(ends)


def _as_pixel(value: Any, dataset: Dataset) -> int:
    if isinstance(value, bytes):  # an ambiguous VR that nobody resolved
        value = int.from_bytes(value[:2], "little")
    number = int(value)
    bits = int(dataset.BitsAllocated)
    signed = int(dataset.PixelRepresentation) == 1
    if signed and number >= 1 << (bits - 1):
        return number - (1 << bits)
    if not signed and number < 0:
        return number + (1 << bits)
    return number


def _within_bits_stored(
    values: NDArray[np.integer[Any]], dataset: Dataset
) -> NDArray[np.integer[Any]]:
    """Drop overlay bits and extend the sign (PS3.5 8.1.1); a view where nothing is to do."""
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high_bit = int(dataset.get("HighBit") or stored - 1)
    if stored >= allocated:
        return values
    left = allocated - 1 - high_bit
    shifted = np.left_shift(values, left)
    return np.asarray(np.right_shift(shifted, allocated - stored))
