"""One stored instance in another transfer syntax (PS3.5 A, PS3.18 8.7.3.5)."""

import math
import warnings
from io import BytesIO

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.pixels.utils import compress, decompress
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from api.dicomweb.dicom_json import little_endian_bytes
from api.dicomweb.errors import not_acceptable
from api.dicomweb.frames import open_frames
from api.dicomweb.negotiation import NATIVE_SYNTAXES
from api.dicomweb.pixels import DECODER_ERRORS, decode_frame
from storage.damage import UNREADABLE
from storage.entities import Instance
from storage.errors import NotFound
from storage.opening import Storage

_WORD_VRS = frozenset({"OW", "OF", "OD", "OL", "OV"})
_MAX_BYTES = 128 << 20
_COMPRESSED = frozenset({RLELossless, JPEGLSLossless, JPEG2000Lossless})


def transcoded(storage: Storage, instance: Instance, transfer_syntax_uid: str) -> bytes:
    """The part 10 file in one of `negotiation.TARGET_SYNTAXES`.

    Refuses with 406 what no codec takes, and what is too large for memory. The
    SOP Instance UID stays: this transcodes, it does not derive (PS3.18 8.7.3.5).
    """
    if instance.transfer_syntax_uid == transfer_syntax_uid:
        return storage.instances.read(instance)
    _check_size(storage, instance)
    target = UID(transfer_syntax_uid)
    dataset = storage.instances.dataset(instance)
    if instance.transfer_syntax_uid == ExplicitVRBigEndian:
        _swap(dataset, storage, instance)
    has_pixels = "PixelData" in dataset
    with warnings.catch_warnings():
        # What is odd about a header was said when it was stored.
        warnings.simplefilter("ignore")
        if has_pixels and instance.transfer_syntax_uid not in NATIVE_SYNTAXES:
            if dataset.get("BitsAllocated") == 1:
                _unpack_bits(dataset, storage, instance)
            else:
                try:
                    decompress(dataset, generate_instance_uid=False)
                except DECODER_ERRORS as error:
                    raise _cannot(instance, "decoded") from error
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if has_pixels and target in _COMPRESSED:
            # The encoders look at the encoding that the data set came in, and so does the
            # writer, which would copy elements that were never read: so all are read first.
            for _ in dataset.iterall():
                pass
            dataset.set_original_encoding(False, True)
            try:
                _interleave(dataset)
                compress(dataset, target, generate_instance_uid=False)
            except DECODER_ERRORS as error:
                raise _cannot(instance, f"written as {target.name}") from error
        dataset.file_meta.TransferSyntaxUID = target
        buffer = BytesIO()
        implicit = target == ImplicitVRLittleEndian
        try:
            pydicom.dcmwrite(
                buffer, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True
            )
        except UNREADABLE as error:
            # A value that cannot be read as its VR cannot be written in another encoding.
            raise _cannot(instance, f"written as {target.name}") from error
    return buffer.getvalue()


def _unpack_bits(dataset: FileDataset, storage: Storage, instance: Instance) -> None:
    """Decompress pixels of one bit: packed over the edges of frames (PS3.5 8.1.1).

    pydicom decodes them into a byte each and leaves them so, under a header of one bit.
    """
    source = open_frames(storage.instances, instance)
    frames = [
        decode_frame(source, dataset, instance.transfer_syntax_uid, index).reshape(-1)
        for index in range(source.layout.number_of_frames)
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


def _check_size(storage: Storage, instance: Instance) -> None:
    """The whole instance is in memory meanwhile, pixels and all."""
    size_bytes = instance.size_bytes
    try:
        layout = open_frames(storage.instances, instance).layout
        size_bytes = max(size_bytes, layout.frame_bits * layout.number_of_frames // 8)
    except NotFound:
        pass
    if size_bytes > _MAX_BYTES:
        raise not_acceptable(
            f"The instance has {size_bytes >> 20} MiB; what is transcoded may have"
            f" {_MAX_BYTES >> 20}.",
            "Accept transfer-syntax=* to get it as stored, or ask for its frames.",
        )


def _cannot(instance: Instance, what: str) -> Exception:
    return not_acceptable(
        f"An instance in {UID(instance.transfer_syntax_uid).name} cannot be {what} here.",
        "Accept transfer-syntax=* to get it as stored.",
    )


def _swap(dataset: FileDataset, storage: Storage, instance: Instance) -> None:
    """Bring values of words into little endian; pydicom writes them as it read them."""
    for element in dataset.iterall():
        if element.VR in _WORD_VRS and isinstance(element.value, bytes):
            element.value = little_endian_bytes(str(element.VR), element.value, False)
    try:
        source = open_frames(storage.instances, instance)
    except NotFound:
        return
    # Pixels swap by their own depth, which only the frames know.
    dataset[source.layout.tag].value = b"".join(source.native_pieces())
