"""Codes of this node as codes of pydicom and highdicom."""

from pydicom.sr.coding import Code as DicomCode

from storage.core.findings import Code
from storage.core.text.long_string import long_string


def dicom_code(code: Code) -> DicomCode:
    """The same concept (PS3.3 Table 8.8-1)."""
    return DicomCode(code.value, code.scheme_designator, long_string(code.meaning))
