"""Attributes that a search includes and the index has not: from the data sets themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from api.dicomweb.dicom_json import SPECIFIC_CHARACTER_SET, JsonDataset, dataset_to_json
from api.dicomweb.metadata import read_header
from storage.attributes import Level
from storage.errors import MediViewError
from storage.opening import Storage

MAX_ROWS = 1000
"""Each row costs the reading of a header; beyond this the attributes are left out."""


def fill_from_headers(
    storage: Storage, level: Level, rows: Sequence[Mapping[str, Any]], keywords: Sequence[str]
) -> list[JsonDataset]:
    """For each row the elements of `keywords` that its data set has.

    A series is spoken for by its first instance. Studies are answered from the
    index alone: what differs from series to series is no attribute of theirs.
    """
    tags = [tag for keyword in keywords if (tag := _tag(keyword)) is not None]
    if level == "STUDY" or not tags or len(rows) > MAX_ROWS:
        return [{} for _ in rows]
    return [_elements(storage, level, row, tags) for row in rows]


def _tag(keyword: str) -> int | None:
    """The tag of a keyword, or of a tag that has no keyword; None for a path."""
    tag = tag_for_keyword(keyword)
    if tag is None and "." not in keyword:
        return int(keyword, 16)
    return tag


def _elements(
    storage: Storage, level: Level, row: Mapping[str, Any], tags: Sequence[int]
) -> JsonDataset:
    try:
        if level == "IMAGE":
            instance = storage.index.instance(row["SOPInstanceUID"])
        else:
            found = storage.index.instances_of(row["StudyInstanceUID"], row["SeriesInstanceUID"])
            if not found:
                return {}
            instance = found[0]
        header, _ = read_header(storage, instance)
    except MediViewError:
        # It went away, or cannot be decoded: the rest of the row still stands.
        return {}
    wanted = Dataset()
    for tag in (SPECIFIC_CHARACTER_SET, *tags):
        element = header.get_item(tag)
        if element is not None:
            wanted[tag] = element
    elements = dataset_to_json(wanted)
    elements.pop(f"{SPECIFIC_CHARACTER_SET:08X}", None)
    return elements
