"""Values of VR UN: Implicit VR Little Endian in any transfer syntax (PS3.5 6.2.2).

A system that passes on an element whose VR it does not know leaves its value as it came in
Implicit VR Little Endian. Some write the items in big endian or with their VRs all the same, and
the first item shows it. pydicom reads them in the byte order of the data set. Importing this is
enough, once a process.
"""

from typing import Any, BinaryIO

from pydicom import filereader, values

from storage.dicom.element_walker import VRS
from storage.dicom.sequence_end import BIG_ENDIAN_STARTS, LITTLE_ENDIAN_STARTS, VR_IN_ITEM

_read_sequence = filereader.read_sequence


def read_sequence(
    fp: BinaryIO, implicit: bool, little_endian: bool, *more: Any, **named: Any
) -> Any:
    """As `pydicom.filereader.read_sequence`, whose place it takes."""
    start = fp.read(VR_IN_ITEM.stop)
    fp.seek(-len(start), 1)
    if start[:4] in (BIG_ENDIAN_STARTS if little_endian else LITTLE_ENDIAN_STARTS):
        little_endian = not little_endian
        implicit = start[VR_IN_ITEM] not in VRS
    return _read_sequence(fp, implicit, little_endian, *more, **named)


def in_its_byte_order(raw: Any) -> Any:
    """A raw element whose VR was not known to who wrote it, with the encoding of its value."""
    if raw.VR == "UN" and not raw.is_little_endian:
        has_vrs = (raw.value or b"")[VR_IN_ITEM] in VRS
        return raw._replace(is_implicit_VR=not has_vrs, is_little_endian=True)
    return raw


for module in (filereader, values):
    vars(module)["read_sequence"] = read_sequence
