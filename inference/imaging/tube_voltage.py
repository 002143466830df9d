"""By which X-ray energies a CT was made, as its headers state it.

Hounsfield units of iodine, calcium and, less so, of lung depend on the tube voltage: thresholds
hold for the one that they were made with.
"""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from inference.imaging.frames import is_multiframe
from inference.imaging.headers import texts
from inference.imaging.stacks import with_frames
from inference.imaging.volume import Volume

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def tube_voltages_kv(headers: Sequence[Dataset]) -> tuple[float, ...]:
    """Those that the images of a stack state (KVP, PS3.3 C.8.2.1, C.8.15.3.9), the least first."""
    return tuple(sorted({kv for header in headers for kv in _stated_kv(header)}))


def in_kilovolts(voltages: Sequence[float]) -> str:
    """As people write them: "80 and 140 kV"."""
    *others, last = (f"{one:g}" for one in voltages)
    return f"{', '.join(others)} and {last} kV" if others else f"{last} kV"


def caveat_of_energies(sources: Sequence[Dataset], volume: Volume) -> str:
    """One sentence where a CT was not made with one tube voltage; "" of others.

    `sources`: the instances from which the volume was assembled, and perhaps more.
    """
    if volume.modality != "CT":
        return ""
    headers = _headers_of(sources, volume)
    voltages = tube_voltages_kv(headers)
    if len(voltages) > 1:
        return (
            f"The images were made with {in_kilovolts(voltages)}: Hounsfield units, and what is"
            " found by them, are not those of one tube voltage."
        )
    if any(_is_multi_energy(header) for header in headers):
        return (
            "The images are of a multi-energy acquisition: Hounsfield units, and what is found by"
            " them, may not be those of one tube voltage."
        )
    return ""


def _headers_of(sources: Sequence[Dataset], volume: Volume) -> Sequence[Dataset]:
    used = [sources[index] for index in dict.fromkeys(volume.instance_indices)]
    if len(used) == 1 and is_multiframe(used[0]):
        return [with_frames(used[0], [number - 1 for number in volume.frame_numbers])]
    return used


def _stated_kv(header: Dataset) -> Iterator[float]:
    details = [
        item
        for keyword in _GROUPS
        for group in header.get(keyword) or ()
        for item in group.get("CTXRayDetailsSequence") or ()
    ]
    for holder in (header, *details):
        # One value by the standard; scanners with two tubes may write both.
        for text in texts(holder.get("KVP")):
            try:
                voltage = float(text)
            except ValueError:
                continue
            if voltage > 0:
                yield voltage


def _is_multi_energy(header: Dataset) -> bool:
    return str(header.get("MultienergyCTAcquisition") or "").strip().upper() == "YES"
