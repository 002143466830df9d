"""Frames as pictures, made in a decoding process: header and frame come from outside.

Imported there, so it stays clear of the web framework and the database.
"""

import pickle
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image
from pydicom.dataset import Dataset

from api.dicomweb.instances.pixel_layout import PixelLayout
from api.dicomweb.rendering.picture import encode, make_picture
from api.dicomweb.rendering.render_options import RenderOptions
from storage.dicom.dataset_reader import read_part10
from storage.pixels.frame_decoder import decode_here
from storage.pixels.frame_encoding import FrameEncoding, high_bit_of

_PICKLE = b"\x80"


def render(header: bytes, frame: bytes, *rest: Any) -> tuple[dict[str, Any], bytes]:
    """The image file of one frame. Raises InvalidRequest for a viewport outside the image."""
    dataset = _parsed(header)
    options: RenderOptions = rest[-1]
    body, lacking = encode(_picture(dataset, frame, *rest), dataset, options)
    return {"lacking": lacking}, body


def draw(header: bytes, frame: bytes, *rest: Any) -> tuple[dict[str, Any], bytes]:
    """The pixels of the same."""
    picture = _picture(_parsed(header), frame, *rest)
    return {"mode": picture.mode, "size": list(picture.size)}, picture.tobytes()


def _picture(
    dataset: Dataset,
    frame: bytes,
    layout: PixelLayout,
    transfer_syntax_uid: str,
    index: int,
    options: RenderOptions,
) -> Image.Image:
    encoding = layout_encoding(dataset, layout, transfer_syntax_uid)
    array = decode_here(frame, replace(encoding, high_bit=high_bit_of(dataset)))
    return make_picture(array, dataset, index, options)


@lru_cache(maxsize=2)
def _parsed(header: bytes) -> Dataset:
    """Of an instance with many frames it is the same each time."""
    if header.startswith(_PICKLE):
        dataset: Dataset = pickle.loads(header)  # noqa: S301 - made by `metadata.raw_header`
        return dataset
    return read_part10(BytesIO(header))


def layout_encoding(
    header: Dataset, layout: PixelLayout, transfer_syntax_uid: str
) -> FrameEncoding:
    """What the decoder must know: sizes from the layout, the rest from the header."""
    return FrameEncoding(
        transfer_syntax_uid=transfer_syntax_uid,
        encapsulated=layout.encapsulated,
        rows=layout.rows,
        columns=layout.columns,
        samples_per_pixel=layout.samples_per_pixel,
        bits_allocated=layout.bits_allocated,
        bits_stored=header.get("BitsStored") or layout.bits_allocated,
        photometric_interpretation=layout.photometric_interpretation or "MONOCHROME2",
        pixel_representation=header.get("PixelRepresentation") or 0,
        planar_configuration=header.get("PlanarConfiguration") or 0,
        keyword=layout.keyword,
    )
