"""How a header has an image looked at, as ranges of stored values (PS3.3 C.11.2)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_MOST_WINDOWS = 8
"""Of a loop each frame may state its own; more than these differ by little."""
_MOST_ENTRIES = 65_536


@dataclass(frozen=True)
class StatedWindow:
    """Stored values from `low`, black, to `high`, white; between them by the table, if any."""

    low: float
    high: float
    table: NDArray[np.float32] | None = field(default=None, compare=False)
    """Brightness from 0 to 1, evenly from `low` to `high`."""

    def brightness_of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """From 0 to 1, of the same shape."""
        share = np.clip((values - self.low) / ((self.high - self.low) or 1.0), 0.0, 1.0)
        if self.table is None:
            return np.asarray(share, np.float32)
        nearest = np.rint(share * (len(self.table) - 1)).astype(np.intp)
        return np.asarray(self.table[nearest], np.float32)


def stated_windows(dataset: Dataset) -> list[StatedWindow]:
    """All windows and VOI LUTs of an image and of its functional groups, each once."""
    found: dict[tuple[float, float, bytes], StatedWindow] = {}
    for voi, rescale in _groups(dataset):
        for window in (*_windows(voi, *rescale), *_tables(voi, *rescale)):
            if window.high > window.low and len(found) < _MOST_WINDOWS:
                key = (
                    window.low,
                    window.high,
                    b"" if window.table is None else window.table.tobytes(),
                )
                found.setdefault(key, window)
    return list(found.values())


def _groups(dataset: Dataset) -> Iterator[tuple[Dataset, tuple[float, float]]]:
    """What may state a window, with the slope and the intercept that hold there."""
    whole = _rescale(dataset, (1.0, 0.0))
    yield dataset, whole
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    of_shared = _rescale(_first(shared, "PixelValueTransformationSequence"), whole)
    if shared is not None and (voi := _first(shared, "FrameVOILUTSequence")) is not None:
        for group in frames or (None,):
            yield voi, _rescale(_first(group, "PixelValueTransformationSequence"), of_shared)
    for group in frames:
        if (voi := _first(group, "FrameVOILUTSequence")) is not None:
            yield voi, _rescale(_first(group, "PixelValueTransformationSequence"), of_shared)


def _first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    items = dataset.get(keyword) if dataset is not None else None
    return items[0] if items else None


def _rescale(dataset: Dataset | None, otherwise: tuple[float, float]) -> tuple[float, float]:
    if dataset is None or dataset.get("RescaleSlope") is None:
        return otherwise
    try:
        slope, intercept = float(dataset.RescaleSlope), float(dataset.get("RescaleIntercept") or 0)
    except (TypeError, ValueError):
        return otherwise
    return (slope, intercept) if slope else otherwise


def _windows(voi: Dataset, slope: float, intercept: float) -> Iterator[StatedWindow]:
    for centre, width in zip(
        _numbers(voi, "WindowCenter"), _numbers(voi, "WindowWidth"), strict=False
    ):
        middle, half = (centre - intercept) / slope, abs(width / slope) / 2
        yield StatedWindow(middle - half, middle + half)


def _tables(voi: Dataset, slope: float, intercept: float) -> Iterator[StatedWindow]:
    for item in voi.get("VOILUTSequence") or ():
        descriptor, data = _numbers(item, "LUTDescriptor"), item.get("LUTData")
        if len(descriptor) != 3 or data is None:
            continue
        entries, first = int(descriptor[0]) or _MOST_ENTRIES, descriptor[1]
        words = (
            np.frombuffer(data[: 2 * _MOST_ENTRIES], "<u2")
            if isinstance(data, bytes) and len(data) % 2 == 0
            else np.asarray(_numbers(item, "LUTData"), np.float32)
        )[:entries].astype(np.float32)
        if len(words) < 2 or words.max() == words.min():
            continue
        table = (words - words.min()) / (words.max() - words.min())
        # In Implicit VR nobody knows whether it is a negative one.
        for begin in (first, first - _MOST_ENTRIES) if first >= _MOST_ENTRIES // 2 else (first,):
            low, high = ((one - intercept) / slope for one in (begin, begin + len(words) - 1))
            yield StatedWindow(min(low, high), max(low, high), table if low < high else table[::-1])


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    values = value if isinstance(value, MultiValue | list) else [value]
    try:
        return [float(one) for one in values if one is not None]
    except (TypeError, ValueError):
        return []
