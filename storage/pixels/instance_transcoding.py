"""Transcode one part 10 file, in a decoding process: pixels and header come from outside.

Imported there, so it stays clear of the web framework and the database.
"""

import math
import warnings
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import compress, decompress
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from storage.dicom.byte_order import little_endian_bytes
from storage.dicom.dataset_reader import read_part10
from storage.dicom.value_errors import UNREADABLE
from storage.pixels.decoding import DECODER_ERRORS
from storage.pixels.frame_decoder import decode_here
from storage.pixels.frame_encoding import encoding_of, high_bit_of

COMPRESSED = frozenset({RLELossless, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless})
"""What pixels can be compressed to."""


_WORD_VRS = frozenset({"OW", "OF", "OD", "OL", "OV"})


def transcode(
    file: bytes, transfer_syntax_uid: str, pixels: tuple[int, bytes] | None
) -> tuple[dict[str, Any], bytes]:
    """The part 10 file in another transfer syntax, or `failed` with what it could not be.

    `pixels`: of a big endian file the tag of its native pixels, and their bytes in little
    endian order: they swap by their own depth, which only the frames know.
    """
    target = UID(transfer_syntax_uid)
    dataset = read_part10(BytesIO(file))
    stored = UID(dataset.file_meta.TransferSyntaxUID)
    if stored == ExplicitVRBigEndian:
        _swap(dataset, pixels)
    has_pixels = "PixelData" in dataset
    with warnings.catch_warnings():
        # What is odd about a header was logged when it was stored.
        warnings.simplefilter("ignore")
        if (
            has_pixels
            and (stored.is_encapsulated or target in COMPRESSED)
            and _has_low_bits(dataset)
        ):
            # Decoders and encoders take values to begin at the lowest bit, and lose those above.
            return {"failed": "written with High Bit other than Bits Stored minus 1"}, b""
        if has_pixels and stored.is_encapsulated:
            try:
                if dataset.get("BitsAllocated") == 1:
                    _unpack_bits(dataset, stored)
                else:
                    decompress(dataset, generate_instance_uid=False)
            except DECODER_ERRORS:
                return {"failed": "decoded"}, b""
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if has_pixels and target in COMPRESSED:
            # The encoders look at the encoding that the data set came in, and so does the
            # writer, which would copy elements that were never read: so all are read first.
            for _ in dataset.iterall():
                pass
            dataset.set_original_encoding(False, True)
            if failed := _compress(dataset, target):
                return {"failed": failed}, b""
        dataset.file_meta.TransferSyntaxUID = target
        buffer = BytesIO()
        implicit = target == ImplicitVRLittleEndian
        try:
            pydicom.dcmwrite(
                buffer, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True
            )
        except UNREADABLE:
            # A value that cannot be read as its VR cannot be written in another encoding.
            return {"failed": f"written as {target.name}"}, b""
    return {}, buffer.getvalue()


def _compress(dataset: FileDataset, target: UID) -> str:
    """Why it cannot be; empty where it was done."""
    try:
        _interleave(dataset)
        if target != HTJ2KLossless:
            compress(dataset, target, generate_instance_uid=False)
            return ""
        why_not = _why_not_htj2k(dataset)
        if not why_not:
            _compress_htj2k(dataset)
        return why_not
    except DECODER_ERRORS:
        return f"written as {target.name}"


def _why_not_htj2k(dataset: FileDataset) -> str:
    """pydicom has no encoder; that of imagecodecs writes whole bytes (PS3.5 A.4.4 wants the
    precision of the codestream to be Bits Stored)."""
    if find_spec("imagecodecs") is None:
        return "written as HTJ2K without the package imagecodecs, which the extra nnunet brings"
    bits = dataset.get("BitsAllocated"), dataset.get("BitsStored")
    if bits not in ((8, 8), (16, 16)) or dataset.get("SamplesPerPixel", 1) != 1:
        return f"written as HTJ2K: that needs grey values of 8 or 16 bits stored, not {bits[1]}"
    return ""


def _compress_htj2k(dataset: FileDataset) -> None:
    import imagecodecs

    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    values = dataset.pixel_array.reshape(count, int(dataset.Rows), int(dataset.Columns))
    dataset.PixelData = encapsulate(
        [
            bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(one), reversible=True))
            for one in values
        ]
    )
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _has_low_bits(dataset: FileDataset) -> bool:
    stored, high = dataset.get("BitsStored"), high_bit_of(dataset)
    return isinstance(stored, int) and high is not None and high >= stored


def _unpack_bits(dataset: FileDataset, stored_syntax_uid: str) -> None:
    """Decompress pixels of one bit: packed over the edges of frames (PS3.5 8.1.1).

    pydicom decodes them into a byte each and leaves them so, under a header of one bit.
    """
    encoding = encoding_of(dataset, stored_syntax_uid)
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    frames = [
        decode_here(frame, encoding).reshape(-1)
        for frame in generate_frames(dataset.PixelData, number_of_frames=count)
    ]
    pixels = np.packbits(np.concatenate(frames).astype(bool), bitorder="little").tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = False


def _interleave(dataset: FileDataset) -> None:
    """Colour by pixel: the encoders take colour by plane for the same."""
    if dataset.get("SamplesPerPixel", 1) == 1 or not dataset.get("PlanarConfiguration"):
        return
    words = np.frombuffer(dataset.PixelData, np.uint16 if dataset.BitsAllocated == 16 else np.uint8)
    frames = int(dataset.get("NumberOfFrames") or 1)
    shape = (frames, dataset.SamplesPerPixel, dataset.Rows, dataset.Columns)
    planes = words[: math.prod(shape)].reshape(shape)
    pixels = np.moveaxis(planes, 1, -1).tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset.PlanarConfiguration = 0


def _swap(dataset: FileDataset, pixels: tuple[int, bytes] | None) -> None:
    """Bring values of words into little endian; pydicom writes them as it read them."""
    for element in dataset.iterall():
        if element.VR in _WORD_VRS and isinstance(element.value, bytes):
            element.value = little_endian_bytes(str(element.VR), element.value, False)
    if pixels is not None:
        tag, value = pixels
        dataset[tag].value = value
