"""What in the header of a PET speaks against the SUV that its other statements give.

The same as the viewer shows beside such a value (viewer/dicom/display/suvDoubts.ts).
"""

import re
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from inference.imaging.headers import number, texts

_DECAY_FACTOR = (
    "SUV in doubt: the decay factor in the header belongs to another time than the start of the"
    " series."
)
_REAL_WORLD = "SUV in doubt: the header's own map to SUV gives another value."

_SUV_BODY_WEIGHT = "g/ml{SUVbw}"
_LONGEST_FRAME_S = 1_800.0
"""An image that states no duration is taken for one of half an hour at most."""
_DECAY_TOLERANCE = 0.1
"""What scanners round, and how they average decay over a frame."""
_MAP_TOLERANCE = 0.02


def suv_doubts(header: Dataset) -> tuple[str, ...]:
    """Sentences; none of an image that has no SUV by body weight."""
    if header.get("Modality") != "PT":
        return ()
    factor = _factor(header)
    if factor is None:
        return ()
    found = []
    if _is_decay_factor_of_another_time(header):
        found.append(_DECAY_FACTOR)
    if _is_another_map(header, factor):
        found.append(_REAL_WORLD)
    return tuple(found)


def _factor(header: Dataset) -> float | None:
    """From the image's values to g/ml by body weight (PS3.3 C.8.9.1), as QIBA computes it."""
    units = _text(header, "Units")
    if units == "GML":
        return 1.0 if _text(header, "SUVType") in ("", "BW") else None
    drugs = list(header.get("RadiopharmaceuticalInformationSequence") or ())
    weight_kg = number([header], "PatientWeight")
    if units != "BQML" or len(drugs) != 1 or weight_kg is None:
        return None
    drug = drugs[0]
    dose_bq = number([drug], "RadionuclideTotalDose")
    half_life_s = number([drug], "RadionuclideHalfLife")
    correction = _text(header, "DecayCorrection")
    if dose_bq is None or half_life_s is None or correction not in ("ADMIN", "START"):
        return None
    per_gram = weight_kg * 1_000 / dose_bq
    if correction == "ADMIN":
        return per_gram
    scanned = _instant(header, "SeriesDate", "SeriesTime")
    injected = _injected(header, drug)
    if scanned is None or injected is None or scanned < injected:
        return None
    return float(per_gram * 2 ** ((scanned - injected).total_seconds() / half_life_s))


def _injected(header: Dataset, drug: Dataset) -> datetime | None:
    stated = _text(drug, "RadiopharmaceuticalStartDateTime")
    if stated:
        shown = _moment(stated[:8], stated[8:])
        offset = re.search(r"[+-]\d{4}$", stated)
        if shown is None or offset is None:
            return shown
        # One with an offset can be compared only where the header states its own (PS3.5 6.2).
        own = re.fullmatch(r"[+-]\d{4}", _text(header, "TimezoneOffsetFromUTC"))
        return None if own is None else shown + _offset(own[0]) - _offset(offset[0])
    return _moment(_text(header, "SeriesDate"), _text(drug, "RadiopharmaceuticalStartTime"))


def _offset(stated: str) -> timedelta:
    size = timedelta(hours=int(stated[1:3]), minutes=int(stated[3:]))
    return -size if stated.startswith("-") else size


def _is_decay_factor_of_another_time(header: Dataset) -> bool:
    """The Decay Factor (PS3.3 C.8.9.4.1.7) is that from the frame back to the time that the
    activity was corrected to."""
    stated = number([header], "DecayFactor")
    drugs = header.get("RadiopharmaceuticalInformationSequence") or ()
    half_life_s = number(list(drugs[:1]), "RadionuclideHalfLife")
    scanned = _instant(header, "SeriesDate", "SeriesTime")
    acquired = _instant(header, "AcquisitionDate", "AcquisitionTime")
    if _text(header, "DecayCorrection") != "START" or None in (stated, half_life_s):
        return False
    if stated is None or half_life_s is None or scanned is None or acquired is None:
        return False
    duration_ms = number([header], "ActualFrameDuration")
    lasted_s = _LONGEST_FRAME_S if duration_ms is None else duration_ms / 1_000
    since_s = (acquired - scanned).total_seconds()
    least, most = 2 ** (since_s / half_life_s), 2 ** ((since_s + lasted_s) / half_life_s)
    return not least * (1 - _DECAY_TOLERANCE) <= stated <= most * (1 + _DECAY_TOLERANCE)


def _is_another_map(header: Dataset, factor: float) -> bool:
    """Whether the first real world map of the image (PS3.3 C.7.6.16.2.11) is one to another SUV."""
    rescale = _number(header, "RescaleSlope", 1.0)
    shift = _number(header, "RescaleIntercept", 0.0)
    if header.get("ModalityLUTSequence") or rescale == 0:
        return False
    for item in header.get("RealWorldValueMappingSequence") or ():
        slope = _number(item, "RealWorldValueSlope", 0.0)
        units = item.get("MeasurementUnitsCodeSequence") or (Dataset(),)
        unit = _text(units[0], "CodeValue")
        if slope == 0 or not (unit or item.get("QuantityDefinitionSequence")):
            continue
        # The map is of stored values, and the factor of rescaled ones.
        of_value = slope / rescale
        intercept = _number(item, "RealWorldValueIntercept", 0.0) - of_value * shift
        is_other = intercept != 0 or abs(of_value / factor - 1) > _MAP_TOLERANCE
        return unit == _SUV_BODY_WEIGHT and is_other
    return False


def _text(holder: Dataset, keyword: str) -> str:
    return next(iter(texts(holder.get(keyword))), "").strip(" \0")


def _number(holder: Dataset, keyword: str, absent: float) -> float:
    try:
        return float(_text(holder, keyword) or absent)
    except ValueError:
        return absent


def _instant(header: Dataset, date: str, time: str) -> datetime | None:
    return _moment(_text(header, date), _text(header, time))


def _moment(date: str, time: str) -> datetime | None:
    """As the clocks at the scanner show a DA and a TM; None where either cannot be read."""
    clock = re.match(r"(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?", time)
    if not re.fullmatch(r"\d{8}", date[:8]) or clock is None:
        return None
    hours, minutes, seconds, fraction = clock.groups()
    try:
        day = datetime.strptime(date[:8], "%Y%m%d")
    except ValueError:
        return None
    return day + timedelta(
        hours=int(hours),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0) + float(fraction or 0),
    )
