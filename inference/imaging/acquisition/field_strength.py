"""The field strength of a magnet, in tesla, from headers that do not all state it so.

MagneticFieldStrength is in tesla (PS3.3 C.8.3.1). Some write gauss, or millitesla.
"""

from pydicom.dataset import Dataset

from inference.imaging.headers import items_of_frames, number

_MOST_TESLA = 25.0
"""Beyond it no magnet for animals or people lies, and the number is in another unit."""
_CLINICAL_T = (0.02, 8.0)
"""Magnets for patients; by it a number in another unit is read."""
_PER_TESLA = (1_000.0, 10_000.0)
"""Of millitesla and gauss."""
_MHZ_PER_TESLA = 42.577
"""Of hydrogen."""
_OFF_AT_MOST = 0.1
_HYDROGEN = ("", "1H")


def field_strengths_t(header: Dataset) -> tuple[float, ...]:
    """What the header may mean: empty where it states none, several where its unit is unknown.

    3000 is 0.3 T in gauss and 3 T in millitesla: ImagingFrequency says which, where it is stated.
    """
    value = number([header], "MagneticFieldStrength")
    if value is None:
        return ()
    if value <= _MOST_TESLA:
        return (value,)
    meant = sorted({value / unit for unit in _PER_TESLA})
    by_frequency = _by_frequency_t(header)
    near = [
        one
        for one in meant
        if by_frequency is not None and abs(one - by_frequency) <= _OFF_AT_MOST * by_frequency
    ]
    clinical = [one for one in meant if _CLINICAL_T[0] <= one <= _CLINICAL_T[1]]
    return tuple(near or clinical or [one for one in meant if one <= _MOST_TESLA])


def field_strength_t(header: Dataset) -> float | None:
    """None where the header does not state it, or not in which unit."""
    found = field_strengths_t(header)
    return found[0] if len(found) == 1 else None


def _by_frequency_t(header: Dataset) -> float | None:
    """From that at which hydrogen is imaged."""
    nucleus = header.get("ImagedNucleus") or header.get("ResonantNucleus") or ""
    holders = [header, *items_of_frames(header, "MRImagingModifierSequence")]
    frequency_mhz = number(holders, "ImagingFrequency", "TransmitterFrequency")
    if frequency_mhz is None or str(nucleus).strip().upper() not in _HYDROGEN:
        return None
    return frequency_mhz / _MHZ_PER_TESLA
