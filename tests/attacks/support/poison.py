"""Images made to cost their reader memory or time, and ordinary ones beside them."""

import io
import struct

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import compress
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    generate_uid,
)

REPEATED = b"\x81\x00"
"""128 zeroes in PackBits (PS3.5 G.3.1)."""


def image(frame: bytes, syntax: str, side: int) -> Dataset:
    """A grey image of one compressed frame whose header states `side` rows and columns."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientID = "POISON"
    dataset.Modality = "OT"
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def rle(side: int, *, decoded_bytes: int | None = None) -> Dataset:
    """Zeroes; with `decoded_bytes` the segment holds other than the header states."""
    count = (decoded_bytes or side * side) // 128
    return image(struct.pack("<16I", 1, 64, *[0] * 14) + REPEATED * count, RLELossless, side)


def cine(side: int, frames: int) -> Dataset:
    """Frames of zeroes, each of which is small."""
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + REPEATED * (side * side // 128)
    dataset = image(frame, RLELossless, side)
    dataset.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.NumberOfFrames = frames
    dataset.FrameTime = "40"
    dataset.PixelData = encapsulate([frame] * frames)
    return dataset


def jpeg_that_lies() -> Dataset:
    """64 × 64 by the data set, 65,500 × 65,500 by the codestream's frame header (SOF0)."""
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 77).save(buffer, "JPEG")
    return image(
        _patched(buffer.getvalue(), b"\xff\xc0", 5, struct.pack(">HH", 65_500, 65_500)),
        JPEGBaseline8Bit,
        64,
    )


def compressed_that_lies(syntax: str) -> Dataset:
    """The same in JPEG-LS (SOF55) or JPEG 2000 (SIZ)."""
    dataset = ordinary(64)
    compress(dataset, pydicom.uid.UID(syntax), generate_instance_uid=False)
    frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == JPEGLSLossless:
        frame = _patched(frame, b"\xff\xf7", 5, struct.pack(">HH", 65_500, 65_500))
    else:
        assert syntax == JPEG2000Lossless
        frame = _patched(frame, b"\xff\x51", 6, struct.pack(">II", 120_000, 120_000))
    return image(frame, syntax, 64)


def _patched(data: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    """Other bytes at `offset` from the marker."""
    start = data.index(marker) + offset
    return data[:start] + value + data[start + len(value) :]


def ordinary(side: int = 512) -> Dataset:
    """An uncompressed image with noise in it."""
    dataset = image(b"\0\0", RLELossless, side)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    values = np.random.default_rng(3).integers(0, 255, (side, side), dtype=np.uint8)
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].is_undefined_length = False
    return dataset


def part10(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def jpeg_of_many_scans(further: int, rows: int = 64, columns: int = 64) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each goes through all pixels."""
    buffer = io.BytesIO()
    Image.new("L", (64, 64)).save(buffer, "JPEG", progressive=True)
    frame = bytearray(buffer.getvalue())
    header = frame.index(b"\xff\xc2")
    frame[header + 5 : header + 9] = struct.pack(">HH", rows, columns)
    *_, last = bytes(frame).removesuffix(b"\xff\xd9").split(b"\xff\xda")
    scan = b"\xff\xda" + last
    return bytes(frame).removesuffix(b"\xff\xd9") + scan * further + b"\xff\xd9"
