"""Frames are decoded by the fastest decoder, to the values that the others give."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from imagecodecs import htj2k_encode, jpeg2k_encode
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import get_j2k_parameters
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from storage.pixels import frame_decoder
from storage.pixels.frame_decoder import decode_here
from storage.pixels.frame_encoding import FrameEncoding, encoding_of

_SHAPE = (67, 90)


def values_of(kind: str) -> NDArray[Any]:
    rows, columns = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]]
    ramp = rows * columns
    if kind == "signed":
        return (ramp - 700).astype(np.int16)
    if kind == "12 bit":
        return (ramp * 3 % 4096).astype(np.uint16)
    if kind == "16 bit":
        return (ramp * 40 % 65536).astype(np.uint16)
    if kind == "RGB":
        return np.stack([ramp % 256, rows * 7 % 256, columns * 5 % 256], axis=-1).astype(np.uint8)
    return (ramp % 256).astype(np.uint8)


def encoded(kind: str, syntax: str) -> tuple[bytes, FrameEncoding]:
    values = values_of(kind)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns = _SHAPE
    dataset.SamplesPerPixel = 3 if kind == "RGB" else 1
    dataset.PhotometricInterpretation = "RGB" if kind == "RGB" else "MONOCHROME2"
    if kind == "RGB":
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * values.itemsize
    dataset.BitsStored = 12 if kind == "12 bit" else dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 1 if kind == "signed" else 0
    dataset.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    dataset["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    dataset.compress(UID(syntax), generate_instance_uid=False)
    return get_frame(dataset.PixelData, 0, number_of_frames=1), encoding_of(dataset, syntax)


@pytest.mark.parametrize("kind", ["8 bit", "12 bit", "16 bit", "signed", "RGB"])
@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_what_was_compressed_without_loss_comes_out_as_it_was(kind: str, syntax: str) -> None:
    frame, encoding = encoded(kind, syntax)
    assert np.array_equal(decode_here(frame, encoding), values_of(kind))


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_the_one_named_is_there_and_runs(syntax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fastest = frame_decoder._FASTEST[syntax]
    assert fastest in get_decoder(UID(syntax)).available_plugins
    monkeypatch.setitem(get_decoder(UID(syntax))._available, fastest, lambda *_: 1 / 0)
    frame, encoding = encoded("12 bit", syntax)
    # It fails here, so that another one has to take the frame.
    assert np.array_equal(decode_here(frame, encoding), values_of("12 bit"))


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_what_no_decoder_takes_is_an_error(syntax: str) -> None:
    _, encoding = encoded("12 bit", syntax)
    with pytest.raises((RuntimeError, ValueError)):
        decode_here(b"\xff\xd8" + b"\0" * 200, encoding)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("syntax", "bits"), [(JPEG2000Lossless, 12), (JPEG2000Lossless, 16), (HTJ2KLossless, 16)]
)
def test_the_sign_is_that_of_the_header(syntax: str, bits: int, signed: bool) -> None:
    """Also where the codestream states the other one, whatever its bits."""
    values = np.arange(64 * 64).reshape(64, 64) - (2048 if signed else 0)
    cells = (values & 0x0FFF).astype(np.uint16)
    if not signed:
        cells = (cells << 4).view(np.int16) >> 4
    if syntax == HTJ2KLossless:
        frame = htj2k_encode(cells)
    else:
        frame = jpeg2k_encode(cells, level=0, codecformat="J2K", bitspersample=bits, resolutions=3)
    assert get_j2k_parameters(frame)["is_signed"] is not signed
    _, encoding = encoded("signed" if signed else "12 bit", RLELossless)
    stated = replace(encoding, transfer_syntax_uid=syntax, rows=64, columns=64, bits_stored=12)
    decoded = decode_here(frame, stated)
    assert np.array_equal(decoded, values)
    assert decoded.dtype == (np.int16 if signed else np.uint16)
