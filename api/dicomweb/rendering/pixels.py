"""Frames of a stored instance decoded: to arrays, to native bytes, to pictures."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID

from api.dicomweb.errors import not_acceptable
from api.dicomweb.instances.frames import FrameSource
from api.dicomweb.instances.headers import raw_header
from api.dicomweb.rendering.picture_task import layout_encoding
from api.dicomweb.rendering.render_options import RenderOptions
from storage.core.entities import Instance
from storage.integrity.instance_reader import InstanceReader
from storage.pixels.budget import looks
from storage.pixels.decoding import DECODER_ERRORS, decode, transcode
from storage.pixels.processes import budget, preload, run

_LARGEST_FILE_BYTES = 1 << 30
preload("api.dicomweb.rendering.picture_task")


def decode_frame(
    source: FrameSource, header: Dataset, transfer_syntax_uid: str, frame_index: int
) -> NDArray[Any]:
    """One frame as an array of rows × columns (× samples); YBR comes out as RGB.

    Refuses with 406 where no decoder here knows the syntax or takes the frame. Raises
    LimitExceeded for a frame above the pixel budget.
    """
    check_size(source)
    _check_cells(header)
    try:
        encoding = layout_encoding(header, source.layout, transfer_syntax_uid)
        return decode(source.frame(frame_index), encoding)
    except DECODER_ERRORS as error:
        raise _cannot(frame_index, transfer_syntax_uid) from error


def encode_frame(
    source: FrameSource,
    header: Dataset,
    transfer_syntax_uid: str,
    frame_index: int,
    target_syntax_uid: str,
) -> bytes:
    """One frame in another compressed transfer syntax. Refuses as `decode_frame` does."""
    check_size(source)
    _check_cells(header)
    try:
        encoding = layout_encoding(header, source.layout, transfer_syntax_uid)
        frame = transcode(source.frame(frame_index), encoding, target_syntax_uid)
    except DECODER_ERRORS as error:
        raise _cannot(frame_index, transfer_syntax_uid) from error
    return frame + b"\0" * (len(frame) % 2)


def check_size(source: FrameSource) -> None:
    """Raise LimitExceeded by the header alone, before a frame is read."""
    layout = source.layout
    budget().check_size(layout.columns, layout.rows, layout.samples_per_pixel)


class Renderer:
    """Makes pictures of the frames of one instance, in a decoding process."""

    def __init__(
        self,
        instances: InstanceReader,
        instance: Instance,
        source: FrameSource,
        options: RenderOptions,
    ) -> None:
        check_size(source)
        self._source = source
        self._syntax = instance.transfer_syntax_uid
        self._header = raw_header(instances, instance, source.layout)
        self._options = options
        self.lacking = ""
        """Why the last file lacks the colour profile that was asked for."""

    def file(self, index: int) -> bytes:
        """The image file of one frame. Refuses with 406, raises LimitExceeded, InvalidRequest."""
        values, body = self._run("render", index, _LARGEST_FILE_BYTES)
        self.lacking = str(values.get("lacking", ""))
        return bytes(body)

    def pictures(self, indices: Sequence[int]) -> Iterator[Image.Image]:
        """One picture after another, for a file that moves."""
        for index in indices:
            values, body = self._run("draw", index, _LARGEST_FILE_BYTES)
            width, height = values["size"]
            yield Image.frombytes(str(values["mode"]), (int(width), int(height)), body)

    def _run(self, task: str, index: int, answer_bytes: int) -> tuple[dict[str, Any], bytearray]:
        layout = self._source.layout
        frame = self._source.frame(index)
        if layout.encapsulated:
            budget().check_frame(frame, layout.columns, layout.rows, layout.samples_per_pixel)
        try:
            return run(
                f"api.dicomweb.rendering.picture_task:{task}",
                *(self._header, frame, layout, self._syntax, index, self._options),
                answer_bytes=answer_bytes,
                pixels=self._pixels(frame),
            )
        except DECODER_ERRORS as error:
            raise _cannot(index, self._syntax) from error

    def _pixels(self, frame: bytes) -> int:
        """Of the frame, as often as it is gone through, and of the picture that is made of it."""
        layout, viewport = self._source.layout, self._options.viewport
        of_frame = layout.rows * layout.columns
        of_decoding = of_frame * (looks(frame) if layout.encapsulated else 1)
        return of_decoding + (viewport.width * viewport.height if viewport else of_frame)


def _cannot(frame_index: int, transfer_syntax_uid: str) -> Exception:
    return not_acceptable(
        f"Frame {frame_index + 1}, in {UID(transfer_syntax_uid).name}, cannot be decoded here.",
        "Accept transfer-syntax=* to get it as stored.",
    )


def _check_cells(header: Dataset) -> None:
    """Refuse with 406 where bits below the values would be taken for them, or lost."""
    stored, high = header.get("BitsStored"), header.get("HighBit")
    if isinstance(stored, int) and isinstance(high, int) and high >= stored:
        raise not_acceptable(
            f"Its values have {stored} bits up to bit {high}, which other transfer syntaxes have"
            " no place for.",
            "Accept transfer-syntax=* to get it as stored.",
        )


def native_bytes(array: NDArray[Any], header: Dataset) -> memoryview:
    """A decoded frame as it would stand in Explicit VR Little Endian pixel data; not copied where
    it stands so already."""
    if header.get("BitsAllocated") == 1:
        array = np.packbits(array.reshape(-1).astype(bool), bitorder="little")
    elif array.ndim == 3 and header.get("PlanarConfiguration") == 1:
        array = np.moveaxis(array, -1, 0)
    whole = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return whole.reshape(-1).view(np.uint8).data
