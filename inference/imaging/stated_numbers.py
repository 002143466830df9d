"""What the images of a stack state as numbers, in the image or in the groups of its frames."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from inference.imaging.frames import is_multiframe
from inference.imaging.headers import OF_CONVERTED, items_of_frames, texts
from inference.imaging.stacks import with_frames
from inference.imaging.volume import Volume


def tube_voltages_kv(headers: Sequence[Dataset]) -> tuple[float, ...]:
    """KVP (PS3.3 C.8.2.1, C.8.15.3.9), the least first."""
    return _stated(headers, "KVP", "CTXRayDetailsSequence")


def slice_thicknesses_mm(headers: Sequence[Dataset]) -> tuple[float, ...]:
    """SliceThickness (PS3.3 C.7.6.2, C.7.6.16.2.1), the least first."""
    return _stated(headers, "SliceThickness", "PixelMeasuresSequence")


def in_words(numbers: Sequence[float]) -> str:
    """As people write them: "80 and 140"."""
    *others, last = (f"{one:g}" for one in numbers)
    return f"{', '.join(others)} and {last}" if others else last


def headers_of(sources: Sequence[Dataset], volume: Volume) -> Sequence[Dataset]:
    """Of `sources` those that the volume was assembled from, with those frames alone."""
    used = [sources[index] for index in dict.fromkeys(volume.instance_indices)]
    if len(used) == 1 and is_multiframe(used[0]):
        return [with_frames(used[0], [number - 1 for number in volume.frame_numbers])]
    return used


def _stated(headers: Sequence[Dataset], keyword: str, macro: str) -> tuple[float, ...]:
    """The positive values, each once. `macro`: the sequence of the frames' groups that has it."""
    return tuple(sorted({value for header in headers for value in _of(header, keyword, macro)}))


def _of(header: Dataset, keyword: str, macro: str) -> Iterator[float]:
    for holder in (header, *items_of_frames(header, macro, *OF_CONVERTED)):
        # One value by the standard; scanners with two tubes may write both voltages.
        for text in texts(holder.get(keyword)):
            try:
                value = float(text)
            except ValueError:
                continue
            if 0 < value < float("inf"):
                yield value
