"""Values of VR UN in Explicit VR Big Endian: little endian all the same (PS3.5 6.2.2).

A system that passes on an element whose VR it does not know leaves its value as it came in
Implicit VR Little Endian. pydicom reads it in the byte order of the data set. Importing this is
enough, once a process.
"""

from typing import Any, BinaryIO

from pydicom import filereader

LITTLE_ENDIAN_STARTS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
"""An item's tag and a sequence delimiter's; some write those in big endian, too."""

_read_sequence = filereader.read_sequence


def read_sequence(
    fp: BinaryIO, implicit: bool, little_endian: bool, *more: Any, **named: Any
) -> Any:
    """As `pydicom.filereader.read_sequence`, whose place it takes."""
    if not little_endian:
        start = fp.read(4)
        fp.seek(-len(start), 1)
        if start in LITTLE_ENDIAN_STARTS:
            implicit = little_endian = True
    return _read_sequence(fp, implicit, little_endian, *more, **named)


def in_its_byte_order(raw: Any) -> Any:
    """A raw element whose VR was not known to who wrote it, with the encoding of its value."""
    if raw.VR == "UN" and not raw.is_little_endian:
        return raw._replace(is_implicit_VR=True, is_little_endian=True)
    return raw


vars(filereader)["read_sequence"] = read_sequence
