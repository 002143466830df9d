"""Attributes that the index has not: returned from, and matched on, the data sets themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from api.dicomweb.formats.dicom_json import SPECIFIC_CHARACTER_SET, dataset_to_json
from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.responses import json_bytes
from api.dicomweb.formats.value_room import ValueRoom
from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.headers import read_header
from api.dicomweb.instances.large_headers import Room, one_at_a_time
from api.dicomweb.lookups import content_key
from api.dicomweb.search.query_parameters import tag_of
from dicom_node.query.dataset_matching import matches
from storage.core.callers.wanted import check_wanted
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError, TooManyRequests
from storage.dicom.value_errors import UNREADABLE
from storage.index.matching.attributes import Level
from storage.index.matching.header_matching import (
    OF_SERIES,
    OF_STUDY,
    is_same_for_all,
    speaking_instance,
    speaking_instances,
)
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_NUMBER_VRS = frozenset({"DS", "IS", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_UNMATCHABLE_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ", "AT"})
_TIMEZONE = "TimezoneOffsetFromUTC"

REQUIRED_OF_SERIES = (
    _TIMEZONE,
    "RequestAttributesSequence.ScheduledProcedureStepID",
    "RequestAttributesSequence.RequestedProcedureID",
)
"""What a search for series returns where it is known (PS3.18 Table 10.6.3-4), and no index has."""

_NOTHING = b"{}"

# By content, so that it can not go stale.
_kept: ByteCache[tuple[str, tuple[str, ...], bool], bytes] = ByteCache(max_bytes=8 * 1024 * 1024)


def fields_of(level: Level) -> list[str]:
    """What `includefield=all` adds to the index at a level; of an instance that is everything."""
    return [] if level == "IMAGE" else sorted(OF_SERIES if level == "SERIES" else OF_STUDY)


def can_return(level: Level, name: str) -> bool:
    """Whether a data set of the level's entity can answer for it: a study differs within."""
    return level != "STUDY" or name.partition(".")[0] in OF_STUDY


def can_match(level: Level, name: str) -> bool:
    """Whether one instance of the level's entity is enough to tell if the key fits."""
    first, *_ = name.split(".")
    last_tag = tag_of(name.rpartition(".")[2])
    if last_tag is None or not keyword_for_tag(last_tag) or name == _TIMEZONE:
        return False
    if dictionary_VR(last_tag).split(" ")[0] in _UNMATCHABLE_VRS:
        return False
    return is_same_for_all(level, first)


def matching_rows(
    index: Index,
    instances: InstanceReader,
    level: Level,
    rows: Sequence[Mapping[str, Any]],
    keys: Mapping[str, str],
) -> list[Mapping[str, Any]]:
    """The rows whose data sets fit the keys. Raises InvalidRequest for a key that cannot be one."""
    wanted = _key_dataset({name: text for name, text in keys.items() if not _is_number(name)})
    numbers = {name: _numbers(name, text) for name, text in keys.items() if _is_number(name)}
    found = []
    for row in rows:
        check_wanted()
        header = _header(index, instances, level, row)
        if header is not None and _fits(header, wanted, numbers):
            found.append(row)
    return found


def _fits(header: Dataset, wanted: Dataset, numbers: Mapping[str, set[float]]) -> bool:
    try:
        return matches(header, wanted) and all(
            numbers[name] & _held_numbers(header, name.split(".")) for name in numbers
        )
    except UNREADABLE:
        # A value that cannot be read equals nothing that somebody asks for.
        return False


def fill_from_headers(
    index: Index,
    instances: InstanceReader,
    level: Level,
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    everything: bool = False,
) -> tuple[list[bytes], int]:
    """For each row the elements of `names` that its data set has, or all but binary ones, as JSON.

    A study or series is spoken for by its first instance. From the row on with which they would
    take more than 128 MiB there are none; the number says of how many rows. Raises
    TooManyRequests where somebody else's large one takes long.
    """
    found: list[bytes] = []
    with Room() as room:
        for instance in speaking_instances(index, level, rows):
            check_wanted()
            elements = _NOTHING
            if instance is not None:
                elements = _elements(instances, instance, names, everything)
            if not room.take(elements):
                break
            found.append(elements)
    omitted_count = len(rows) - len(found)
    return found + [_NOTHING] * omitted_count, omitted_count


def _elements(
    instances: InstanceReader, instance: Instance, names: Sequence[str], everything: bool
) -> bytes:
    try:
        reader = instances.of_one_moment()
        (instance,) = reader.as_corrected([instance])
        key = (content_key(instance), tuple(names), everything)
        kept = _kept.get(key)
        if kept is None:
            with one_at_a_time(reader, instance) as room:
                header, _ = read_header(reader, instance)
                found = (
                    _without_binaries(header, room)
                    if everything
                    else _of_header(header, names, room)
                )
                kept = json_bytes(found)
            _kept.put(key, kept, len(kept))
    except TooManyRequests:
        raise
    except (MediViewError, *UNREADABLE):
        # It went away, or cannot be decoded: the rest of the row still stands.
        return _NOTHING
    return kept


def _of_header(header: Dataset, names: Sequence[str], room: ValueRoom) -> JsonDataset:
    return _picked(header, [name.split(".") for name in names], room)


def _without_binaries(header: Dataset, room: ValueRoom) -> JsonDataset:
    return {
        name: element
        for name, element in dataset_to_json(header, room=room).items()
        if "InlineBinary" not in element and name != f"{SPECIFIC_CHARACTER_SET:08X}"
    }


def _picked(header: Dataset, paths: Sequence[Sequence[str]], room: ValueRoom) -> JsonDataset:
    """The elements that the paths name; of a sequence's items only what a longer path names."""
    wanted = Dataset()
    deeper: dict[str, list[Sequence[str]]] = {}
    for name, *rest in paths:
        tag = tag_of(name)
        element = header.get_item(tag) if tag is not None else None
        if tag is None or element is None:
            continue
        wanted[tag] = element
        deeper.setdefault(f"{tag:08X}", []).append(rest)
    character_set = header.get_item(SPECIFIC_CHARACTER_SET)
    if character_set is not None:
        wanted[SPECIFIC_CHARACTER_SET] = character_set
    elements = dataset_to_json(wanted, room=room)
    elements.pop(f"{SPECIFIC_CHARACTER_SET:08X}", None)
    for name, rests in deeper.items():
        if all(rests) and elements[name].get("vr") == "SQ":
            kept = [_restricted(item, rests) for item in elements[name].get("Value", [])]
            elements[name] = {"vr": "SQ", "Value": kept} if kept else {"vr": "SQ"}
    return elements


def _restricted(item: JsonDataset, paths: Sequence[Sequence[str]]) -> JsonDataset:
    kept: JsonDataset = {}
    deeper: dict[str, list[Sequence[str]]] = {}
    for step, *rest in paths:
        name = f"{tag_of(step) or 0:08X}"
        if name in item:
            kept[name] = item[name]
            deeper.setdefault(name, []).append(rest)
    for name, rests in deeper.items():
        if all(rests) and "Value" in kept[name] and kept[name]["vr"] == "SQ":
            items = [_restricted(one, rests) for one in kept[name]["Value"]]
            kept[name] = {"vr": "SQ", "Value": items}
    return kept


def _header(
    index: Index, instances: InstanceReader, level: Level, row: Mapping[str, Any]
) -> Dataset | None:
    """The header that speaks for a row; None where it went away or cannot be decoded."""
    try:
        instance = speaking_instance(index, level, row)
        with one_at_a_time(instances, instance):
            header, _ = read_header(instances, instance)
    except TooManyRequests:
        raise
    except (MediViewError, *UNREADABLE):
        return None
    return header


def _key_dataset(keys: Mapping[str, str]) -> Dataset:
    """The keys as an identifier of a query carries them (PS3.4 C.2.2.2.6 for sequences)."""
    wanted = Dataset()
    for name, text in keys.items():
        *steps, last = name.split(".")
        dataset = wanted
        for step in steps:
            tag = tag_of(step) or 0
            if tag not in dataset:
                dataset.add(DataElement(tag, "SQ", [Dataset()]))
            dataset = dataset[tag].value[0]
        tag = tag_of(last) or 0
        vr = dictionary_VR(tag).split(" ")[0]
        # As text: a key may hold a range or wildcards, which its VR does not allow.
        carried = vr if vr == "PN" else "UT"
        value = text if carried == "PN" or "\\" not in text else text.split("\\")
        dataset.add(DataElement(tag, carried, value, already_converted=True))
    return wanted


def _is_number(name: str) -> bool:
    tag = tag_of(name.rpartition(".")[2])
    return tag is not None and dictionary_VR(tag).split(" ")[0] in _NUMBER_VRS


def _numbers(name: str, text: str) -> set[float]:
    try:
        return {float(part) for part in text.split("\\")}
    except ValueError as error:
        raise InvalidRequest(
            f"{name} takes a number.", remedy="Leave the key out to match all."
        ) from error


def _held_numbers(dataset: Dataset, steps: Sequence[str]) -> set[float]:
    tag = tag_of(steps[0])
    element = dataset.get(tag) if tag is not None else None
    if element is None or element.value in (None, ""):
        return set()
    if len(steps) > 1:
        items = element.value if element.VR == "SQ" else []
        return {number for item in items for number in _held_numbers(item, steps[1:])}
    values = element.value if element.VM > 1 else [element.value]
    held = set()
    for value in values:
        try:
            held.add(float(value))
        except (TypeError, ValueError):
            continue
    return held
