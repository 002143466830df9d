"""How stored values of one slice become the values of its modality (PS3.3 C.11.1, C.7.6.16.2.9)."""

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.dataset import Dataset


class Rescale(NamedTuple):
    slope: float
    intercept: float
    type: str
    """HU of a CT, US (unspecified) of what states none."""


def rescale_of(source: Dataset, frame_number: int) -> Rescale:
    """Of an instance, or of one frame of it; slope 1 where none is stated."""
    for holder in _holders(source, frame_number):
        if "RescaleSlope" in holder and "RescaleIntercept" in holder:
            slope, intercept = holder.RescaleSlope, holder.RescaleIntercept
            if slope is not None and intercept is not None:
                return Rescale(float(slope), float(intercept), _type_of(source, holder))
    return Rescale(1.0, 0.0, "US")


def _holders(source: Dataset, frame_number: int) -> Iterator[Dataset]:
    frames = source.get("PerFrameFunctionalGroupsSequence") or ()
    groups = [*frames[frame_number - 1 : frame_number]]
    groups += source.get("SharedFunctionalGroupsSequence") or ()
    for group in groups:
        yield from group.get("PixelValueTransformationSequence") or ()
    yield source


def _type_of(source: Dataset, holder: Dataset) -> str:
    stated = str(holder.get("RescaleType") or "").strip()
    if stated:
        return stated
    return "HU" if source.get("Modality") == "CT" else "US"
