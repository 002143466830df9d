"""Decode one frame to an array, and to the bytes of Explicit VR Little Endian."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from api.dicomweb.errors import not_acceptable
from api.dicomweb.frames import FrameSource
from api.dicomweb.pixel_layout import PixelLayout

# What pydicom and the decoders behind it raise about a frame that they cannot take.
DECODER_ERRORS = (
    NotImplementedError,
    RuntimeError,
    ValueError,
    AttributeError,
    TypeError,
    KeyError,
)


def decode_frame(
    source: FrameSource, header: Dataset, transfer_syntax_uid: str, frame_index: int
) -> NDArray[Any]:
    """One frame as an array of rows × columns (× samples); YBR comes out as RGB.

    Refuses with 406 where no decoder here knows the syntax or takes the frame.
    """
    layout = source.layout
    data = source.frame(frame_index)
    if layout.encapsulated:
        syntax = UID(transfer_syntax_uid)
        buffer = encapsulate([data], has_bot=False)
    else:
        syntax = ExplicitVRLittleEndian
        buffer = data + b"\0" * (len(data) % 2)
    with warnings.catch_warnings():
        # What is odd about a header has been said when it was stored; here only pixels matter.
        warnings.simplefilter("ignore")
        options = _options(header, layout)
        # RLE of one bit a pixel runs over the packed bytes, which decoders do not expect.
        packed = syntax == RLELossless and layout.bits_allocated == 1
        if packed:
            length = -(-layout.frame_bits // 8)
            options |= {"rows": 1, "columns": length, "bits_allocated": 8, "bits_stored": 8}
        try:
            decoder = get_decoder(syntax)
            array, _ = decoder.as_array(buffer, index=0, **options)
        except DECODER_ERRORS as error:
            raise not_acceptable(
                f"Frame {frame_index + 1}, in {syntax.name}, cannot be decoded here.",
                "Accept transfer-syntax=* to get it as stored.",
            ) from error
    if packed:
        bits = np.unpackbits(np.asarray(array).reshape(-1), bitorder="little")
        return bits[: layout.frame_bits].reshape(layout.rows, layout.columns)
    return np.asarray(array)


def _options(header: Dataset, layout: PixelLayout) -> dict[str, Any]:
    """What the decoder must know of a buffer that holds one frame alone."""
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples_per_pixel,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": header.get("BitsStored") or layout.bits_allocated,
        "photometric_interpretation": layout.photometric_interpretation or "MONOCHROME2",
        "number_of_frames": 1,
        "pixel_keyword": layout.keyword,
    }
    if layout.keyword == "PixelData":
        options["pixel_representation"] = header.get("PixelRepresentation") or 0
    if layout.samples_per_pixel > 1:
        options["planar_configuration"] = header.get("PlanarConfiguration") or 0
    return options


def native_bytes(array: NDArray[Any], header: Dataset) -> bytes:
    """A decoded frame as it would stand in Explicit VR Little Endian pixel data."""
    if header.get("BitsAllocated") == 1:
        return np.packbits(array.reshape(-1).astype(bool), bitorder="little").tobytes()
    if array.ndim == 3 and header.get("PlanarConfiguration") == 1:
        array = np.moveaxis(array, -1, 0)
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
