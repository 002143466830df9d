"""How large a procedure step or an availability notice may become, by one message or by many.

What is long in a real one are its references to instances. Each message about a step reads and
writes all of it, so that whatever else it states is kept short.
"""

import json
from typing import Any

from dicom_node.normalized.requests import RESOURCE_LIMITATION, Refused
from storage.core.untrusted_input.bounded_json import check_bounded

JsonDataset = dict[str, Any]

MOST_ELEMENTS = 100_000
"""Of a message: 33,000 references to instances, which take some four seconds of a processor."""
MOST_BYTES = 8 << 20
"""As JSON; that many references take 6 MiB."""
MOST_BYTES_BESIDE = 256 << 10
"""Of all that is no reference, within series and without them: each as JSON."""
MOST_STUDIES = 100
# Of a step, in JSON, which has two for each element of a message.
MOST_IN_JSON = 300_000
# ReferencedSOPClassUID, ReferencedSOPInstanceUID, RetrieveAETitle, InstanceAvailability,
# RetrieveURL, RetrieveURI, RetrieveLocationUID, StorageMediaFileSetID, StorageMediaFileSetUID.
_OF_REFERENCE = frozenset(
    (
        *("00081150", "00081155", "00080054", "00080056"),
        *("00081190", "0040E010", "0040E011", "00880130", "00880140"),
    )
)
_CHARACTERS_OF_REFERENCE = 512


def check_size(
    attributes: JsonDataset, series: str, references: tuple[str, ...], changed: JsonDataset
) -> None:
    """`series`: the tag of the sequence of series, `references`: of those within it.

    `changed`: what of it this message states; the rest was looked at before. Raises Refused.
    """
    beside = {tag: element for tag, element in attributes.items() if tag != series}
    check_bounded(beside, MOST_IN_JSON)
    _check(beside, MOST_BYTES_BESIDE, "beside its series")
    if series not in changed:
        return
    check_bounded(attributes, MOST_IN_JSON)
    _check(attributes, MOST_BYTES, "in all")
    without = [_without_references(one, references) for one in _items(attributes[series])]
    within = {**attributes[series], "Value": without}
    _check(within, MOST_BYTES_BESIDE, "in its series, beside references to instances")


def _items(element: JsonDataset) -> list[Any]:
    """Of a sequence; an element of that tag with another value representation has other values."""
    return element.get("Value") or []


def _without_references(item: Any, tags: tuple[str, ...]) -> Any:
    if not isinstance(item, dict):
        return item
    return {
        tag: {**element, "Value": [one for one in _items(element) if not _is_reference(one)]}
        if tag in tags
        else element
        for tag, element in item.items()
    }


def _is_reference(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    characters = 0
    for tag, element in item.items():
        if tag not in _OF_REFERENCE or "InlineBinary" in element:
            return False
        for value in element.get("Value") or ():
            if not isinstance(value, str):
                return False
            characters += len(value)
    return characters <= _CHARACTERS_OF_REFERENCE


def _check(value: object, most_bytes: int, where: str) -> None:
    size_bytes = len(json.dumps(value, ensure_ascii=False).encode())
    if size_bytes > most_bytes:
        raise Refused(
            RESOURCE_LIMITATION,
            f"It has {size_bytes >> 10} KiB {where}; {most_bytes >> 10} KiB are the most.",
        )
