"""From DICOM JSON to pydicom, without its warnings: strict on arrival, tolerant in matching."""

from collections.abc import Mapping
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

# Compared as text, whatever their representation would make of a key such as 1-5 or *.
NUMBERS = frozenset("DS FD FL IS SL SS SV UL US UV".split())
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def strict_dataset(attributes: Mapping[str, Any]) -> Dataset:
    """Raises ValueError, TypeError or the like for a value that does not fit its VR."""
    return _dataset(attributes, config.RAISE)


def text_dataset(attributes: Mapping[str, Any]) -> Dataset:
    """For matching alone: numbers are text here, and no value is refused."""
    return _dataset(attributes, config.IGNORE)


def sent_dataset(attributes: Mapping[str, Any]) -> Dataset:
    """As it goes into a message, values as they are kept."""
    return _dataset(attributes, config.IGNORE, is_sent=True)


def _dataset(attributes: Mapping[str, Any], mode: int, *, is_sent: bool = False) -> Dataset:
    dataset = Dataset()
    for name, element in attributes.items():
        vr, values = element["vr"], element.get("Value", [])
        tag = int(name, 16)
        if vr == "SQ":
            items = [_dataset(item, mode, is_sent=is_sent) for item in values]
            dataset.add(DataElement(tag, "SQ", items))
            continue
        if vr == "PN":
            values = [_person_name(value) for value in values]
        elif is_sent:
            values = [_sent(vr, one) for one in values]
        elif mode == config.IGNORE:
            vr = "LO" if vr in NUMBERS else vr
            values = ["" if value is None else str(value) for value in values]
        value: Any = values if len(values) > 1 else (values or [None])[0]
        dataset.add(DataElement(tag, vr, value, validation_mode=mode))
    return dataset


def _person_name(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value or "")
    return "=".join(str(value.get(group) or "") for group in _GROUPS).rstrip("=")


def _sent(vr: str, value: Any) -> Any:
    if value is None:
        return ""
    # JSON has more digits than the 16 characters of a decimal string.
    return DSfloat(value, auto_format=True) if vr == "DS" else value
