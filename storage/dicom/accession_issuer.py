"""Who issued the accession number of an instance (0008,0051), as its encoded sequence states it."""

import io
import struct

from storage.core.accession_issuers import AccessionIssuer, issuer_of
from storage.dicom.element_walker import BIG_ENDIAN, IMPLICIT_VR
from storage.dicom.part10 import Header

_MOST_BYTES = 4096
_PARTS = ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")


def accession_issuer_of(header: Header) -> AccessionIssuer:
    """Nobody where the sequence cannot be read or is longer than one of an issuer: the instance is
    as one that states none."""
    encoded = header.accession_issuer_items
    if not encoded or len(encoded) > _MOST_BYTES:
        return AccessionIssuer()
    # Half a second, which what states no issuer need not take.
    from pydicom.charset import convert_encodings
    from pydicom.filereader import read_sequence

    from storage.dicom.value_errors import UNREADABLE

    syntax = header.transfer_syntax_uid
    # The delimiter ends a sequence of either kind of length.
    end = struct.pack(">HHI" if syntax == BIG_ENDIAN else "<HHI", 0xFFFE, 0xE0DD, 0)
    named = header.attributes.get("SpecificCharacterSet", "")
    try:
        items = read_sequence(
            io.BytesIO(encoded + end),
            syntax == IMPLICIT_VR,
            syntax != BIG_ENDIAN,
            0xFFFFFFFF,
            convert_encodings(named.split("\\") if named else []),
        )
        parts = [str(items[0].get(keyword) or "") for keyword in _PARTS] if items else []
    except UNREADABLE:
        return AccessionIssuer()
    return issuer_of(*parts) if parts else AccessionIssuer()
