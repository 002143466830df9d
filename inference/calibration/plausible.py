"""Which sizes of a pixel can be those of an image of its kind.

Wide limits: what no device of the kind makes, such as metres or a decimal that slipped by three
places. Within them a wrong value cannot be recognised.
"""

_Limits = tuple[float, float]
"""Smallest and greatest in mm."""

_PROJECTION: _Limits = (0.005, 5.0)
_MICROSCOPE: _Limits = (1e-5, 5.0)
_TOMOGRAPHY_OF_THE_EYE: _Limits = (1e-4, 1.0)
_OTHERS: _Limits = (1e-3, 30.0)
"""Micro-CT at the lower end; spectroscopic imaging and whole-body scintigraphy at the upper."""

_BY_MODALITY: dict[str, _Limits] = (
    dict.fromkeys(("CR", "DX", "MG", "IO", "PX", "XA", "RF", "RG", "RTIMAGE", "BI"), _PROJECTION)
    | dict.fromkeys(("SM", "GM"), _MICROSCOPE)
    | dict.fromkeys(("OPT", "OCT", "IVOCT", "OPTENF", "OP", "OPTBSV"), _TOMOGRAPHY_OF_THE_EYE)
)


def limits_mm(modality: str) -> tuple[float, float]:
    """Smallest and greatest plausible distance of two pixels, by Modality (0008,0060)."""
    return _BY_MODALITY.get(modality.strip().upper(), _OTHERS)


def is_plausible(modality: str, spacing_mm: tuple[float, float]) -> bool:
    """Whether pixels of an image of that modality can be so far apart, in both directions."""
    smallest, greatest = limits_mm(modality)
    return all(smallest <= one <= greatest for one in spacing_mm)
