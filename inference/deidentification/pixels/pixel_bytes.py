"""Remove from the pixel group all that is not pixel data, since any text may hide there.

Native pixels end where rows, columns and frames say so, compressed frames lose their comments and
application data, and attributes that hold no pixels are removed.
"""

import struct

from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import get_expected_length
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.pixels.codestreams import (
    NotUnderstood,
    bare_jpeg,
    bare_jpeg_2000,
    bare_rle,
)

_GROUP = 0x7FE0
_PIXEL_DATA = Tag("PixelData")
_NATIVE = frozenset({Tag("FloatPixelData"), Tag("DoubleFloatPixelData")})
_OFFSETS = frozenset({Tag("ExtendedOffsetTable"), Tag("ExtendedOffsetTableLengths")})


def clean_pixel_group(dataset: FileDataset) -> None:
    """Change the data set in place. Raises CannotDeidentify for pixels of an unknown form."""
    for tag in [one for one in list(dataset.keys()) if one.group == _GROUP]:
        if tag == _PIXEL_DATA and dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            _clean_frames(dataset)
        elif tag == _PIXEL_DATA or tag in _NATIVE:
            _cut(dataset, tag)
        elif tag not in _OFFSETS:
            del dataset[tag]
    remove_nested_pixels(dataset)


def remove_nested_pixels(dataset: Dataset) -> None:
    """Those of icons and of other images inside of sequences, which nobody looks at."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                for tag in [one for one in list(item.keys()) if one.group == _GROUP]:
                    del item[tag]
                remove_nested_pixels(item)


def _cut(dataset: FileDataset, tag: BaseTag) -> None:
    """At the length that the image has (PS3.5 8.1.1), with padding of zeros."""
    try:
        if int(dataset.BitsAllocated) != 1 and int(dataset.BitsAllocated) % 8:
            raise ValueError(dataset.BitsAllocated)
        length = get_expected_length(dataset, unit="bytes")
    except (AttributeError, TypeError, ValueError) as error:
        raise CannotDeidentify(
            "The length of its pixels cannot be computed (Rows, Columns, Samples per Pixel, Bits"
            " Allocated).",
            remedy="Leave this instance out.",
        ) from error
    data = dataset[tag].value or b""
    if len(data) > length:
        dataset[tag].value = data[:length] + b"\0" * (length % 2)


def _clean_frames(dataset: FileDataset) -> None:
    frames = max(1, int(dataset.get("NumberOfFrames") or 1))
    offsets = None
    if all(one in dataset for one in _OFFSETS):
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    try:
        bare = [
            _bare(dataset, one)
            for one in generate_frames(
                dataset.PixelData, number_of_frames=frames, extended_offsets=offsets
            )
        ]
    except (NotUnderstood, IndexError, ValueError, struct.error) as error:
        raise CannotDeidentify(
            "Its compressed pixels have a form in which texts cannot be distinguished from pixels"
            f" ({dataset.file_meta.TransferSyntaxUID.name}).",
            remedy="Leave it out, or send it to this node again without compression.",
        ) from error
    # The offsets of the original are no longer those of the frames.
    for tag in _OFFSETS & set(dataset.keys()):
        del dataset[tag]
    dataset.PixelData = encapsulate(bare, has_bot=offsets is None)


def _bare(dataset: FileDataset, frame: bytes) -> bytes:
    transfer_syntax_uid = dataset.file_meta.TransferSyntaxUID
    if transfer_syntax_uid in {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes}:
        return bare_jpeg(frame)
    if transfer_syntax_uid in JPEG2000TransferSyntaxes:
        return bare_jpeg_2000(frame)
    if transfer_syntax_uid == RLELossless:
        pixels = int(dataset.Rows) * int(dataset.Columns)
        return bare_rle(frame, -(-pixels // 8) if dataset.BitsAllocated == 1 else pixels)
    raise NotUnderstood(transfer_syntax_uid.name)
