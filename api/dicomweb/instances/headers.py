"""Data sets up to their pixels, which are read from where they lie."""

import pickle
from io import BytesIO

import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian

from api.dicomweb.instances.frames import open_frames
from api.dicomweb.instances.pixel_layout import PixelLayout
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.dicom.dataset_reader import PIXELS_BEHIND, LongValues, read_part10
from storage.integrity.instance_reader import InstanceReader

_WHOLE_HEADER_BYTES = 16 << 20
"""What is longer in front of the pixels goes without its long values: 10,000 frames state 4 MiB."""


def read_header(
    instances: InstanceReader, instance: Instance, long_values: LongValues = "noted"
) -> tuple[pydicom.Dataset, tuple[str, str] | None]:
    """The data set up to its pixels, and the pixel element's tag and VR where there is one."""
    if instance.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        # To know where its pixels lie, all of it would be inflated.
        header = instances.dataset(instance, stop_before_pixels=True, long_values=long_values)
        pixels = vars(header)[PIXELS_BEHIND]
        if pixels is None:
            return header, None
        if header.get("Rows") and header.get("Columns"):
            return header, (f"{pixels[0]:08X}", pixels[1])
    try:
        layout = open_frames(instances, instance).layout
    except NotFound:
        return instances.dataset(instance, long_values=long_values), None
    header = instances.dataset(instance, stop_before_pixels=True, long_values=long_values)
    return header, (f"{layout.tag:08X}", layout.vr)


def header_before(
    instances: InstanceReader, instance: Instance, layout: PixelLayout
) -> pydicom.Dataset:
    """The data set up to its pixels, whose place is known; a large one without long values."""
    if layout.inflated or layout.element_offset > _WHOLE_HEADER_BYTES:
        return instances.header(instance)
    return read_part10(BytesIO(raw_header(instances, instance, layout)))


def raw_header(instances: InstanceReader, instance: Instance, layout: PixelLayout) -> bytes:
    """The same unread, for a decoding process; pickled where the file itself is deflated, or has
    more in front of its pixels than they need."""
    if layout.inflated or layout.element_offset > _WHOLE_HEADER_BYTES:
        return pickle.dumps(instances.header(instance))
    raw = instances.read(instance, 0, layout.element_offset)
    return instances.corrected(instance, BytesIO(raw)).read() if instance.patient_digest else raw
