"""Have pydicom read values without their padding (`storage.core.padding`), wherever it reads one.

By itself it leaves blanks in front, NUL after AE and UR, and either inside lists, so that an
image in "MONOCHROME2 " is none that it knows. Importing this is enough, once a process.
"""

from typing import Any

from pydicom import hooks

from storage.core.padding import STRING_VRS, unpadded_bytes


def read_unpadded(raw: Any, data: dict[str, Any], **more: Any) -> None:
    """As `pydicom.hooks.raw_element_value`, whose place it takes."""
    if isinstance(raw.value, bytes) and data["VR"] in STRING_VRS:
        value = unpadded_bytes(raw.value, data["VR"])
        if value != raw.value:
            raw = raw._replace(value=value, length=len(value))
    hooks.raw_element_value(raw, data, **more)


hooks.hooks.register_callback("raw_element_value", read_unpadded)
