"""Decode frames outside this process, within the pixel budget."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames, get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

from storage.core.errors import LimitExceeded
from storage.pixels.budget import looks
from storage.pixels.frame_decoder import array_of, decode_with_colours
from storage.pixels.frame_encoding import FrameEncoding, encoding_of
from storage.pixels.processes import budget, run

# What pydicom and the decoders behind it raise about a frame that they cannot take; TaskFailed
# is one of them.
DECODER_ERRORS = (
    NotImplementedError,
    RuntimeError,
    ValueError,
    AttributeError,
    TypeError,
    KeyError,
)


def decode(frame: bytes, encoding: FrameEncoding, *, what: str = "frame") -> NDArray[Any]:
    """One frame as an array of rows × columns (× samples); YBR comes out as RGB.

    Native frames are read here, since no decoder runs. Raises LimitExceeded before one
    does, TaskFailed where it does not take the frame, StorageUnavailable.
    """
    return _decode(frame, encoding, what)[0]


def _decode(frame: bytes, encoding: FrameEncoding, what: str) -> tuple[NDArray[Any], str]:
    check(frame, encoding, what=what)
    if not encoding.encapsulated:
        return decode_with_colours(frame, encoding)
    values, body = run(
        "storage.pixels.tasks:decode",
        frame,
        encoding,
        # Some decoders widen what they decode.
        answer_bytes=max(encoding.decoded_bytes, 4 * encoding.values) + 64,
        pixels=encoding.values * looks(frame),
    )
    return array_of(values, body), str(values["photometric_interpretation"])


def transcode(frame: bytes, encoding: FrameEncoding, transfer_syntax_uid: str) -> bytes:
    """One frame in another compressed transfer syntax, without loss. Raises as `decode`."""
    check(frame, encoding)
    _, body = run(
        "storage.pixels.tasks:transcode",
        *(frame, encoding, transfer_syntax_uid),
        # Noise becomes a little larger by compression.
        answer_bytes=2 * max(encoding.decoded_bytes, 4 * encoding.values) + 65_536,
        pixels=2 * encoding.values * looks(frame),
    )
    return bytes(body)


def check(frame: bytes, encoding: FrameEncoding, *, what: str = "frame") -> None:
    """Raise LimitExceeded where a frame is larger than the budget, by either of its headers."""
    budget().check_frame(
        frame if encoding.encapsulated else b"",
        encoding.columns,
        encoding.rows,
        encoding.samples_per_pixel,
        what=what,
    )


def decode_frames(dataset: Dataset, max_bytes: int, *, what: str = "frame") -> NDArray[Any]:
    """All frames of a data set: frames × rows × columns (× samples).

    Their sizes are added up before the first is decoded. Raises LimitExceeded, TaskFailed,
    StorageUnavailable, and ValueError where there are other frames than NumberOfFrames says.
    """
    return _decode_frames(dataset, max_bytes, what)[0]


def _decode_frames(dataset: Dataset, max_bytes: int, what: str) -> tuple[NDArray[Any], str]:
    encoding, count = _checked(dataset, max_bytes, what)
    if not encoding.encapsulated:
        return _native(dataset, encoding, count), "RGB"
    frames = list(_decoded(dataset, encoding, count, what))
    return np.stack([array for array, _ in frames]), frames[-1][1]


def each_frame(dataset: Dataset, max_bytes: int, *, what: str = "frame") -> Iterator[NDArray[Any]]:
    """As `decode_frames`, one frame in memory after the other. Raises as it does."""
    encoding, count = _checked(dataset, max_bytes, what)
    if not encoding.encapsulated:
        yield from _native(dataset, encoding, count)
    else:
        yield from (array for array, _ in _decoded(dataset, encoding, count, what))


def _checked(dataset: Dataset, max_bytes: int, what: str) -> tuple[FrameEncoding, int]:
    """How its frames are encoded, and how many there are. Raises LimitExceeded."""
    encoding = encoding_of(dataset, str(dataset.file_meta.TransferSyntaxUID))
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    size = count * encoding.decoded_bytes
    if size > max_bytes:
        raise LimitExceeded(
            f"Decoded, {count} frames of {encoding.columns} × {encoding.rows} pixels take"
            f" {size >> 20} MiB; {max_bytes >> 20} MiB are the most.",
            remedy="Retrieve it as stored.",
        )
    budget().check_size(encoding.columns, encoding.rows, encoding.samples_per_pixel, what=what)
    return encoding, count


def _native(dataset: Dataset, encoding: FrameEncoding, count: int) -> NDArray[Any]:
    # No decoder runs, and pydicom knows the byte order.
    values = _pixel_array(dataset, encoding)
    return values.reshape(count, *values.shape[-encoding.axes :])


def _pixel_array(
    dataset: Dataset, encoding: FrameEncoding, index: int | None = None
) -> NDArray[Any]:
    """By pydicom, which takes values to begin at the lowest bit."""
    if not encoding.low_bits:
        return np.asarray(pixel_array(dataset, index=index))
    dataset.BitsStored = encoding.bits_stored + encoding.low_bits
    try:
        cells = pixel_array(dataset, index=index)
    finally:
        dataset.BitsStored = encoding.bits_stored
    return np.asarray(np.right_shift(cells, encoding.low_bits))


def _decoded(
    dataset: Dataset, encoding: FrameEncoding, count: int, what: str
) -> Iterator[tuple[NDArray[Any], str]]:
    given = 0
    for frame in generate_frames(
        dataset.PixelData, number_of_frames=count, extended_offsets=_extended_offsets(dataset)
    ):
        if given == count:
            break
        yield _decode(frame, encoding, what)
        given += 1
    if given < count:
        raise ValueError(f"{given} of {count} frames are there")


def decode_frame_of(dataset: Dataset, frame_index: int) -> NDArray[Any]:
    """One frame of a data set, `frame_index` from 0: rows × columns (× samples), YBR as RGB.

    Raises what `decode` raises, and ValueError where there is no such frame.
    """
    encoding = encoding_of(dataset, str(dataset.file_meta.TransferSyntaxUID))
    if not encoding.encapsulated:
        check(b"", encoding)
        return _pixel_array(dataset, encoding, index=frame_index)
    frame = get_frame(
        dataset.PixelData,
        frame_index,
        number_of_frames=max(1, int(dataset.get("NumberOfFrames") or 1)),
        extended_offsets=_extended_offsets(dataset),
    )
    return decode(frame, encoding)


def _extended_offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    tables = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    return tables if all(tables) else None


def decompress(dataset: Dataset, max_bytes: int) -> None:
    """As `Dataset.decompress`, with the decoder in a decoding process; the UID stays.

    Pixels are at most `max_bytes` afterwards. Raises what `decode_frames` raises, and ValueError
    where there are bits below the values.
    """
    if encoding_of(dataset, str(dataset.file_meta.TransferSyntaxUID)).low_bits:
        raise ValueError("its values do not begin at the lowest bit")
    frames, colours = _decode_frames(dataset, max_bytes, "frame")
    if int(dataset.BitsAllocated) == 1:
        pixels = np.packbits(frames.reshape(-1).astype(bool), bitorder="little").tobytes()
    else:
        frames = frames.astype(frames.dtype.newbyteorder("<"), copy=False)
        pixels = frames.tobytes()
        dataset.BitsAllocated = frames.itemsize * 8
    if int(dataset.get("SamplesPerPixel") or 1) > 1:
        dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = colours
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB" if int(dataset.BitsAllocated) <= 8 else "OW"
    dataset["PixelData"].is_undefined_length = False
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
