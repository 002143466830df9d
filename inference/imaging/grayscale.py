"""From stored values to display values: modality LUT, VOI LUT, polarity (PS3.3 C.11)."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from inference.imaging.palette import apply_palette

_WORDS = 65_536

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

_WINDOW_FUNCTIONS: dict[str, WindowFunction] = {
    "": "LINEAR",
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
_FUNCTIONAL_GROUPS = (
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
)
_TRANSFORM_KEYWORDS = (
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PixelRepresentation",
)


@dataclass(frozen=True)
class Window:
    center: float
    width: float
    function: WindowFunction = "LINEAR"


def window_function(text: str) -> WindowFunction | None:
    """The VOI LUT function of that name, in either of the standards' spellings."""
    return _WINDOW_FUNCTIONS.get(text.strip().upper().replace("-", "_"))


def frame_transforms(header: Dataset, frame_index: int) -> Dataset:
    """The transforms that hold for one frame, functional groups resolved."""
    effective = Dataset()
    if hasattr(header, "file_meta"):
        # pydicom asks it for the byte order of a table in OW.
        effective.file_meta = header.file_meta
    for keyword in _TRANSFORM_KEYWORDS:
        if keyword in header:
            effective[keyword] = header[keyword]
    shared = header.get("SharedFunctionalGroupsSequence") or []
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*shared[:1], *per_frame[frame_index : frame_index + 1]]
    for group in groups:
        for name in _FUNCTIONAL_GROUPS:
            for item in (group.get(name) or [])[:1]:
                for element in item:
                    effective.add(element)
    _read_first_mapped(effective, int(header.get("BitsStored") or 16))
    return effective


def _read_first_mapped(transforms: Dataset, bits_stored: int) -> None:
    """Which value the first entry of a VOI LUT is of (PS3.3 C.11.2.1.1).

    US or SS by the values, of which Implicit VR states nothing: what none of them reaches is a
    negative one. pydicom goes by the stored values.
    """
    tables = transforms.get("VOILUTSequence")
    descriptor = tables[0].get("LUTDescriptor") if tables else None
    if not isinstance(descriptor, MultiValue | list) or len(descriptor) != 3:
        return
    entries, first, bits = (int(one) for one in descriptor)
    if first < _WORDS // 2:
        return
    signed = transforms.get("PixelRepresentation") == 1
    least = -(2 ** (bits_stored - 1)) if signed else 0
    ends = np.array([least, least + 2**bits_stored - 1], np.int64)
    if first <= np.max(apply_modality_lut(ends, transforms)):
        return
    table = Dataset()
    table.update(tables[0])
    table.add_new("LUTDescriptor", "SS", [entries, first - _WORDS, bits])
    transforms.VOILUTSequence = [table, *tables[1:]]


def display_values(
    array: NDArray[Any],
    header: Dataset,
    transforms: Dataset,
    window: Window | None,
    shown: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """8-bit grey (rows, columns) or RGB (rows, columns, 3) of one decoded frame.

    Without a stated window, the range of values is that of the pixels in `shown` (rows, columns):
    what is behind a shutter is in no range.
    """
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        return _to_bytes(apply_palette(array, header), 16 if _deep_palette(header) else 8)
    if array.ndim == 3:
        # A window does not apply to colour (PS3.18 8.3.5.1.4).
        return _to_bytes(array[..., :3], int(header.get("BitsStored") or 8))
    if header.get("BitsAllocated") == 1:
        return np.where(array != 0, 255, 0).astype(np.uint8)
    if window is None and not transforms.get("VOILUTSequence"):
        seen = array if shown is None else array[shown]
        window = stated_window(transforms) or _full_range(seen, header, transforms)
    grey = _grey(array, transforms, window)
    return np.subtract(255, grey, dtype=np.uint8) if is_inverted(header) else grey


def _grey(array: NDArray[Any], transforms: Dataset, window: Window | None) -> NDArray[np.uint8]:
    if array.dtype.kind not in "iu":
        return _transform(array, transforms, window)
    low, high = int(array.min()), int(array.max())
    if high - low >= array.size:
        return _transform(array, transforms, window)
    # Fewer values than pixels: each value is transformed once and then looked up.
    table = _transform(np.arange(low, high + 1), transforms, window)
    grey: NDArray[np.uint8] = table[np.subtract(array, low, dtype=np.intp, casting="unsafe")]
    return grey


def _transform(
    values: NDArray[Any], transforms: Dataset, window: Window | None
) -> NDArray[np.uint8]:
    """Modality LUT, then the window or, without one, the VOI LUT."""
    values = np.asarray(apply_modality_lut(values, transforms))
    if window is not None:
        return apply_window(values, window)
    looked_up = apply_voi(np.rint(values).astype(np.int64), transforms)
    return _to_bytes(looked_up, int(transforms.VOILUTSequence[0].LUTDescriptor[2]))


def apply_window(values: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """The three VOI LUT functions (PS3.3 C.11.2.1.2.1, C.11.2.1.3), onto 0 to 255."""
    y = windowed(values, window) * np.float32(255.0)
    rounded: NDArray[np.uint8] = np.rint(y).astype(np.uint8)
    return rounded


def windowed(values: NDArray[Any], window: Window) -> NDArray[np.float32]:
    """The same onto 0 to 1, float32, without rounding to grey levels."""
    x = values.astype(np.float32)
    if window.function == "SIGMOID":
        y = 1.0 / (1.0 + np.exp(-4.0 * (x - window.center) / window.width))
    elif window.function == "LINEAR" and window.width > 1:
        y = (x - (window.center - 0.5)) / (window.width - 1.0) + 0.5
    else:
        y = (x - window.center) / window.width + 0.5
    clipped: NDArray[np.float32] = np.clip(y, 0, 1).astype(np.float32)
    return clipped


def unit_values(
    array: NDArray[Any], header: Dataset, transforms: Dataset, window: Window | None = None
) -> NDArray[np.float32]:
    """Grey values of one decoded frame as it asks to be shown, from 0 (black) to 1 (white).

    Modality LUT, then `window` (in modality units), or the VOI LUT or window that the frame
    states, or its full range without padding; then the polarity. float32, (rows, columns).
    """
    if header.get("BitsAllocated") == 1:
        grey = (array != 0).astype(np.float32)
    else:
        if window is None and not transforms.get("VOILUTSequence"):
            window = stated_window(transforms) or _full_range(array, header, transforms)
        values = np.asarray(apply_modality_lut(array, transforms))
        if window is not None:
            grey = windowed(values, window)
        else:
            looked_up = apply_voi(np.rint(values).astype(np.int64), transforms)
            most = 2.0 ** int(transforms.VOILUTSequence[0].LUTDescriptor[2]) - 1.0
            grey = np.clip(looked_up.astype(np.float32) / np.float32(most), 0, 1)
    shown: NDArray[np.float32] = np.subtract(np.float32(1), grey) if is_inverted(header) else grey
    return shown


def is_inverted(header: Dataset) -> bool:
    """Whether the least value is shown white (PS3.3 C.7.6.3.1.2, C.11.6.1.2)."""
    photometric = str(header.get("PhotometricInterpretation") or "").strip(" \0")
    return photometric == "MONOCHROME1" or header.get("PresentationLUTShape") == "INVERSE"


def stated_window(transforms: Dataset) -> Window | None:
    """The first window that is stated; None where there is none that can be one."""
    try:
        center, width = (
            _first(transforms.get("WindowCenter")),
            _first(transforms.get("WindowWidth")),
        )
    except (TypeError, ValueError):
        return None
    if center is None or width is None or width <= 0:
        return None
    function = window_function(str(transforms.get("VOILUTFunction") or "")) or "LINEAR"
    return Window(center, width, function)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | float | int):
        return float(value)
    return float(value[0]) if len(value) else None


def _full_range(array: NDArray[Any], header: Dataset, transforms: Dataset) -> Window:
    """From the least to the greatest value of what is not padding."""
    padding = header.get("PixelPaddingValue")
    visible = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if padding not in (None, ""):
        limit = header.get("PixelPaddingRangeLimit")
        # Some write the values unsigned although the pixels are signed.
        signed = header.get("PixelRepresentation") == 1
        least, most = sorted(
            value - 65536 if signed and value > 32767 else value
            for value in (padding, padding if limit in (None, "") else limit)
        )
        kept = visible[(visible < least) | (visible > most)]
        visible = kept if kept.size else visible
    if not visible.size:
        return Window(0.0, 1.0, "LINEAR_EXACT")
    extremes = np.array([visible.min(), visible.max()])
    # A modality LUT or a negative slope may turn least and greatest around.
    ends = np.asarray(apply_modality_lut(extremes, transforms), float)
    low, high = float(ends.min()), float(ends.max())
    return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")


def _deep_palette(header: Dataset) -> bool:
    descriptor = header.get("RedPaletteColorLookupTableDescriptor")
    return bool(descriptor) and int(descriptor[2]) > 8


def _to_bytes(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits == 8:
        clipped: NDArray[np.uint8] = np.clip(values, 0, 255).astype(np.uint8)
        return clipped
    scaled = values.astype(np.float32) * (255.0 / (2.0**bits - 1.0))
    rounded: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return rounded
