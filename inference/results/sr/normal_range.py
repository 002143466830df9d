"""The normal range of a number in a report: PS3.16 TID 310 to 312."""

import highdicom as hd
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode

from inference.results.coding import dicom_code
from inference.results.sr.change import PERCENT
from storage.core.findings import NO_UNITS, Code, Finding, NormalRange

_NORMALITY = {
    "below": codes.cid222.AbnormallyLow,
    "within": codes.cid222.Normal,
    "above": codes.cid222.AbnormallyHigh,
}


def properties_of(finding: Finding, unit: Code) -> hd.sr.MeasurementProperties | None:
    """None where no normal range is stated. `unit`: that of the number and its limits."""
    normal = finding.normal_range
    if normal is None or normal.missing or finding.value is None:
        return None
    place = normal.place_of(finding.value)
    return hd.sr.MeasurementProperties(
        normality=None if place is None else _NORMALITY[place],
        measurement_statistical_properties=_place_in_population(normal, unit),
        normal_range_properties=_limits(normal, unit),
    )


def _limits(normal: NormalRange, unit: Code) -> hd.sr.NormalRangeProperties | None:
    limits = (
        (codes.cid223.NormalRangeLowerLimit, normal.low),
        (codes.cid223.NormalRangeUpperLimit, normal.high),
    )
    values = [_number(name, value, unit) for name, value in limits if value is not None]
    if not values:
        return None
    return hd.sr.NormalRangeProperties(
        values, description=_description(normal), authority=normal.source
    )


def _place_in_population(
    normal: NormalRange, unit: Code
) -> hd.sr.MeasurementStatisticalProperties | None:
    stated = (
        (codes.cid226.MedianValueOfPopulation, normal.median, unit),
        (codes.cid227.PercentileRankingOfMeasurement, normal.percentile, PERCENT),
        (codes.cid227.ZScoreOfMeasurement, normal.z_score, NO_UNITS),
    )
    values = [_number(name, value, one) for name, value, one in stated if value is not None]
    if not values:
        return None
    return hd.sr.MeasurementStatisticalProperties(
        values, description=_description(normal), authority=normal.source
    )


def _description(normal: NormalRange) -> str | None:
    """Of whom the values are, and what is not to be concluded from them."""
    return ". ".join(part.rstrip(".") for part in (normal.of_whom, normal.caveat) if part) or None


def _number(name: DicomCode, value: float, unit: Code) -> hd.sr.NumContentItem:
    return hd.sr.NumContentItem(
        name=name,
        value=value,
        unit=dicom_code(unit),
        relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
    )
