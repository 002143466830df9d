"""Match workitems against the keys of a search or of a subscription (PS3.4 CC.2.8.3)."""

import re
from collections.abc import Mapping
from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_node.query.dataset_matching import matches
from dicom_node.ups.datasets import NUMBERS, text_dataset
from storage.core.errors import InvalidRequest
from storage.ups.dicom_json import JsonAttributes
from storage.ups.search import Narrowed

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NOT_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC"})
_STUDY_PATHS = frozenset({"StudyInstanceUID", "ReferencedRequestSequence.StudyInstanceUID"})


class Matcher:
    """Keys named by keyword, by tag, or by a path of them with dots between."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Raises InvalidRequest for a key that names no attribute of the dictionary."""
        # A study is named in several places of an item; `Narrowed` looks at them all.
        self._keys = keys_dataset({n: v for n, v in keys.items() if n != "StudyInstanceUID"})
        self._tags = {f"{int(element.tag):08X}" for element in self._keys}
        self._given = keys

    def narrowed(self) -> Narrowed:
        """What of the keys the database can look for; all of them are matched besides."""
        exact = {
            name: value.split("\\")
            for name, value in self._given.items()
            if value and not set(value) & set("*?")
        }
        patient_ids = exact.get("PatientID", [])
        return Narrowed(
            uids=tuple(exact.get("SOPInstanceUID", ())),
            states=tuple(exact.get("ProcedureStepState", ())),
            study_instance_uids=tuple(
                uid for path in _STUDY_PATHS for uid in exact.get(path, ()) if path in exact
            ),
            patient_id=patient_ids[0] if len(patient_ids) == 1 else None,
        )

    def value_count(self, attributes: JsonAttributes) -> int:
        """How many values `matches` makes and compares."""
        return sum(_count(attributes[tag]) for tag in self._tags if tag in attributes)

    def matches(self, attributes: JsonAttributes, study_instance_uid: str) -> bool:
        study = self._given.get("StudyInstanceUID", "")
        if study and study_instance_uid not in study.split("\\"):
            return False
        if not self._tags:
            return True
        # Only what the keys name is made a data set: that is most of the cost.
        some = {tag: attributes[tag] for tag in self._tags if tag in attributes}
        return matches(text_dataset(some), self._keys)


def _count(element: Mapping[str, Any]) -> int:
    """Values of an element, with those of its items at any depth."""
    values = element.get("Value", [])
    if element.get("vr") != "SQ":
        return len(values)
    return sum(1 + sum(map(_count, item.values())) for item in values)


def keys_dataset(keys: Mapping[str, str]) -> Dataset:
    """The keys as a data set; a path leads into items of sequences."""
    dataset = Dataset()
    for path, value in keys.items():
        *sequences, last = path.split(".")
        inner = dataset
        for step in sequences:
            tag = _tag(step)
            if tag not in inner:
                inner.add(DataElement(tag, "SQ", [Dataset()]))
            inner = inner[tag].value[0]
        tag = _tag(last)
        vr = _vr(tag)
        if vr == "SQ":
            inner.add(DataElement(tag, "SQ", []))
            continue
        inner.add(
            DataElement(
                tag,
                "LO" if vr in NUMBERS else vr,
                value.split("\\") if "\\" in value else value,
                validation_mode=config.IGNORE,
            )
        )
    return dataset


def keys_of(dataset: Dataset) -> dict[str, str]:
    """The keys of an identifier by path, several values with backslashes between them.

    Of a sequence its first item counts (PS3.4 C.2.2.2.6); a key without a keyword is left out.
    """
    keys: dict[str, str] = {}
    for element in dataset:
        keyword = element.keyword
        if not keyword or keyword in _NOT_KEYS:
            continue
        if element.VR == "SQ":
            for path, value in (keys_of(element.value[0]) if element.value else {}).items():
                keys[f"{keyword}.{path}"] = value
        elif element.value is None:
            keys[keyword] = ""
        else:
            several = isinstance(element.value, MultiValue | list)
            values = element.value if several else [element.value]
            keys[keyword] = "\\".join("" if one is None else str(one) for one in values)
    return keys


def _tag(name: str) -> int:
    tag = int(name, 16) if _TAG.fullmatch(name) else tag_for_keyword(name)
    if tag is None:
        raise InvalidRequest(
            "A key names no attribute of the dictionary.",
            remedy="Name attributes by keyword or by tag.",
        )
    return tag


def _vr(tag: int) -> str:
    try:
        # Where several are possible ("US or SS"), the first.
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "LO"
