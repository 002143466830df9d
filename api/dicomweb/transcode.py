"""One stored instance in Explicit VR Little Endian (PS3.5 A.2)."""

from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import decompress
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from api.dicomweb.dicom_json import little_endian_bytes
from api.dicomweb.errors import not_acceptable
from api.dicomweb.frames import open_frames
from api.dicomweb.negotiation import NATIVE_SYNTAXES
from api.dicomweb.pixels import DECODER_ERRORS
from storage.entities import Instance
from storage.errors import NotFound
from storage.opening import Storage

_WORD_VRS = frozenset({"OW", "OF", "OD", "OL", "OV"})


def explicit_little(storage: Storage, instance: Instance) -> bytes:
    """The part 10 file, decoded where it is compressed. Refuses with 406 what no decoder takes.

    The SOP Instance UID stays: this transcodes, it does not derive (PS3.18 8.7.3.5).
    """
    if instance.transfer_syntax_uid == ExplicitVRLittleEndian:
        return storage.instances.read(instance)
    dataset = storage.instances.dataset(instance)
    if instance.transfer_syntax_uid == ExplicitVRBigEndian:
        _swap(dataset, storage, instance)
    elif instance.transfer_syntax_uid not in NATIVE_SYNTAXES and "PixelData" in dataset:
        try:
            decompress(dataset, generate_instance_uid=False)
        except DECODER_ERRORS as error:
            raise not_acceptable(
                f"An instance in {UID(instance.transfer_syntax_uid).name} cannot be decoded here.",
                "Accept transfer-syntax=* to get it as stored.",
            ) from error
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return buffer.getvalue()


def _swap(dataset: Dataset, storage: Storage, instance: Instance) -> None:
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
