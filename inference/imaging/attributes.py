"""Values of a data set, read so that a broken one is a sentence and never a crash."""

from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import BaseTag

from inference.refusals import VolumeRefused

# What pydicom raises for a value that does not fit its representation.
_BROKEN = (ValueError, TypeError, OverflowError, NotImplementedError, BytesLengthException)
RESEND = "Ask for a resend from the modality."


def value_of(dataset: Dataset, keyword: str) -> Any:
    """The value, or None where it is absent or empty. Raises VolumeRefused where unreadable."""
    try:
        element = element_of(dataset, tag_of(keyword))
        value = None if element is None else element.value
    except _BROKEN as error:
        raise unreadable(keyword, slice_label(dataset)) from error
    return None if value is None or value in ("", b"") else value


@cache
def tag_of(keyword: str) -> BaseTag:
    """Of a keyword of the data dictionary. pydicom looks for it again each time it is asked."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise LookupError(f"{keyword} is not in the data dictionary.")
    return BaseTag(tag)


def element_of(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """As `dataset.get(tag)`, without making a tag of it again. Raises what pydicom does."""
    # Raising an error for each of those that are absent takes longer than all else.
    return dataset[tag] if tag in dataset.keys() else None  # noqa: SIM118


def whole_number(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """One whole number, `default` where absent. Raises VolumeRefused."""
    value = value_of(dataset, keyword)
    if value is None:
        if default is not None:
            return default
        raise VolumeRefused(f"{keyword} is missing in slice {slice_label(dataset)}.", remedy=RESEND)
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise unreadable(keyword, slice_label(dataset)) from error


def unreadable(keyword: str, label: str) -> VolumeRefused:
    """The refusal of a value that is not what its attribute stands for."""
    return VolumeRefused(f"{keyword} of slice {label} cannot be read as a number.", remedy=RESEND)


def slice_label(dataset: Dataset) -> str:
    """The InstanceNumber by which people find a slice."""
    try:
        number = dataset.get("InstanceNumber")
    except _BROKEN:
        number = None
    return "without a number" if number is None or number == "" else str(number)
