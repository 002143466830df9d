"""Decode frames in this very process; those from outside are decoded by `decoding`."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import get_j2k_parameters
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

import storage.dicom.unpadded_reading  # noqa: F401
from storage.pixels.frame_encoding import FrameEncoding

# pydicom asks GDCM first, which takes twice as long for most of them and gives the same.
_FASTEST = {
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
}


def decode_here(frame: bytes, encoding: FrameEncoding) -> NDArray[Any]:
    """One frame as an array of rows × columns (× samples); YBR comes out as RGB.

    Raises whatever the decoder raises. For frames from outside use `decoding.decode`.
    """
    return decode_with_colours(frame, encoding)[0]


def decode_with_colours(frame: bytes, encoding: FrameEncoding) -> tuple[NDArray[Any], str]:
    """The same, and the Photometric Interpretation of what came out."""
    if encoding.encapsulated:
        syntax = UID(encoding.transfer_syntax_uid)
        buffer = encapsulate([frame], has_bot=False)
    else:
        syntax = ExplicitVRLittleEndian
        buffer = frame + b"\0" * (len(frame) % 2)
    options = _options(encoding)
    # RLE of one bit a pixel runs over the packed bytes, which decoders do not expect.
    packed = syntax == RLELossless and encoding.bits_allocated == 1
    if packed:
        length = -(-encoding.values // 8)
        options |= {"rows": 1, "columns": length, "bits_allocated": 8, "bits_stored": 8}
    with warnings.catch_warnings():
        # What is odd about a header was logged when it was stored; here only pixels matter.
        warnings.simplefilter("ignore")
        array, came_out = _decoded(syntax, buffer, options)
    if packed:
        bits = np.unpackbits(np.asarray(array).reshape(-1), bitorder="little")
        one_bit = bits[: encoding.values].reshape(encoding.rows, encoding.columns)
        return one_bit, encoding.photometric_interpretation
    if syntax in JPEG2000TransferSyntaxes and encoding.samples_per_pixel == 1:
        array = _of_stated_sign(array, frame, encoding)
    values = np.right_shift(array, encoding.low_bits) if encoding.low_bits else array
    return np.asarray(values), str(came_out["photometric_interpretation"])


def _decoded(
    syntax: UID, buffer: bytes, options: dict[str, Any]
) -> tuple[NDArray[Any], dict[str, Any]]:
    """By the fastest decoder; what that does not take, by whichever does, in pydicom's order."""
    decoder = get_decoder(syntax)
    fastest = _FASTEST.get(syntax, "")
    if fastest in decoder.available_plugins:
        # As which pydicom raises whatever the decoder raised.
        with suppress(RuntimeError):
            return decoder.as_array(buffer, index=0, decoding_plugin=fastest, **options)
    return decoder.as_array(buffer, index=0, **options)


def _of_stated_sign(array: NDArray[Any], frame: bytes, encoding: FrameEncoding) -> NDArray[Any]:
    """Grey values with the sign of the header.

    A codestream states it, too (ISO/IEC 15444-1 A.5.1), and some state the other one: pydicom
    mends that where the codestream has as many bits as are stored.
    """
    is_signed = bool(encoding.pixel_representation)
    if get_j2k_parameters(frame).get("is_signed", is_signed) == is_signed:
        return array
    bits = encoding.bits_stored + encoding.low_bits
    values: NDArray[np.int64] = array.astype(np.int64) & (2**bits - 1)
    if is_signed:
        values -= (values >= 2 ** (bits - 1)) * 2**bits
    return values.astype(np.dtype(f"{'i' if is_signed else 'u'}{array.dtype.itemsize}"))


def _options(encoding: FrameEncoding) -> dict[str, Any]:
    """What the decoder must know of a buffer that holds one frame alone."""
    options: dict[str, Any] = {
        "rows": encoding.rows,
        "columns": encoding.columns,
        "samples_per_pixel": encoding.samples_per_pixel,
        "bits_allocated": encoding.bits_allocated,
        # With those below the values, so that pydicom extends the sign from the bit where it is.
        "bits_stored": encoding.bits_stored + encoding.low_bits,
        "photometric_interpretation": encoding.photometric_interpretation,
        "number_of_frames": 1,
        "pixel_keyword": encoding.keyword,
    }
    if encoding.keyword == "PixelData":
        options["pixel_representation"] = encoding.pixel_representation
    if encoding.samples_per_pixel > 1:
        options["planar_configuration"] = encoding.planar_configuration
    return options


def array_of(values: Mapping[str, Any], body: bytearray) -> NDArray[Any]:
    """The array that `tasks.decode` wrote."""
    dtype = np.dtype(str(values["dtype"]))
    if dtype.kind not in "biuf":
        raise ValueError("an array of another kind than numbers")
    return np.frombuffer(body, dtype).reshape([int(side) for side in values["shape"]])
