"""From DICOM JSON to pydicom, without its warnings: strict on arrival, tolerant in matching."""

from collections.abc import Mapping
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

# Compared as text, whatever their representation would make of a key such as 1-5 or *.
NUMBERS = frozenset("DS FD FL IS SL SS SV UL US UV".split())
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def strict_dataset(attributes: Mapping[str, Any]) -> Dataset:
    """Raises ValueError, TypeError or the like for a value that does not fit its VR."""
    return _dataset(attributes, config.RAISE)


def text_dataset(attributes: Mapping[str, Any]) -> Dataset:
    """For matching alone: numbers are text here, and no value is refused."""
    return _dataset(attributes, config.IGNORE)


def _dataset(attributes: Mapping[str, Any], mode: int) -> Dataset:
    dataset = Dataset()
    for name, element in attributes.items():
        vr, values = element["vr"], element.get("Value", [])
        tag = int(name, 16)
        if vr == "SQ":
            items = [_dataset(item, mode) for item in values]
            dataset.add(DataElement(tag, "SQ", items))
            continue
        if vr == "PN":
            values = [_person_name(value) for value in values]
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
