"""A TrueType font in a PDF, whose text is found again as it was written.

ReportLab writes the code points of a ToUnicode CMap as hexadecimal numbers; the standard wants
UTF-16BE (ISO 32000-1, 9.10.3), which differs beyond U+FFFF: 𠮷 (U+20BB7) came out as U+20BB.
"""

import re
from typing import Any

from reportlab.pdfbase.ttfonts import TTFont

_CMAP = "toUnicodeCMap:"
_BEYOND_BMP = re.compile(r"<([\dA-F]{5,6})>")


class EmbeddedFont(TTFont):  # type: ignore[misc]  # ReportLab has no types
    def addObjects(self, doc: Any) -> None:  # noqa: N802 - ReportLab's name
        known = set(doc.idToObject)
        super().addObjects(doc)
        for name in doc.idToObject.keys() - known:
            if name.startswith(_CMAP):
                stream = doc.idToObject[name]
                stream.content = _BEYOND_BMP.sub(_in_utf_16, stream.content)


def _in_utf_16(found: re.Match[str]) -> str:
    return f"<{chr(int(found[1], 16)).encode('utf-16-be').hex().upper()}>"
