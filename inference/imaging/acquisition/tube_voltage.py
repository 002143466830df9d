"""By which X-ray energies a CT was made, as its headers state it.

Hounsfield units of iodine, calcium and, less so, of lung depend on the tube voltage: thresholds
hold for the one that they were made with.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.imaging.stated_numbers import headers_of, in_words, tube_voltages_kv
from inference.imaging.volume import Volume
from storage.core.caveats import Caveat


def caveat_of_energies(sources: Sequence[Dataset], volume: Volume) -> Caveat | None:
    """Where a CT was not made with one tube voltage; None of others.

    `sources`: the instances from which the volume was assembled, and perhaps more.
    """
    if volume.modality != "CT":
        return None
    headers = headers_of(sources, volume)
    voltages = tube_voltages_kv(headers)
    if len(voltages) > 1:
        return Caveat(
            "tube_voltages",
            f"The images were made with {in_words(voltages)} kV: Hounsfield units, and what is"
            " found by them, are not those of one tube voltage.",
        )
    if any(_is_multi_energy(header) for header in headers):
        return Caveat(
            "tube_voltages",
            "The images are of a multi-energy acquisition: Hounsfield units, and what is found by"
            " them, may not be those of one tube voltage.",
        )
    return None


def _is_multi_energy(header: Dataset) -> bool:
    return str(header.get("MultienergyCTAcquisition") or "").strip().upper() == "YES"
