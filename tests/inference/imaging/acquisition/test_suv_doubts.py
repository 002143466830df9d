"""What in the header of a PET speaks against its SUV, by numbers that were worked out by hand."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.imaging.acquisition.suv_doubts import suv_doubts

FACTOR = 70 * 1_000 / 350e6 * 2 ** (3_600 / 6_586.2)


def pet(**attributes: Any) -> Dataset:
    """F-18 given at 09:00, a series of 10:00, an image of 11:00 that took four minutes."""
    drug = Dataset()
    drug.RadiopharmaceuticalStartTime = "090000"
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = 350e6, 6586.2
    header = Dataset()
    header.Modality, header.Units, header.DecayCorrection = "PT", "BQML", "START"
    header.PatientWeight, header.CorrectedImage = 70, ["DECY", "ATTN"]
    header.SeriesDate = header.AcquisitionDate = "20260101"
    header.SeriesTime, header.AcquisitionTime = "100000", "110000"
    header.ActualFrameDuration = 240_000
    header.RadiopharmaceuticalInformationSequence = [drug]
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return header


def with_map(
    slope: float, intercept: float = 0.0, unit: str = "g/ml{SUVbw}", **more: Any
) -> Dataset:
    units, item = Dataset(), Dataset()
    units.CodeValue = unit
    item.MeasurementUnitsCodeSequence = [units]
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    return pet(RealWorldValueMappingSequence=[item], **more)


@pytest.mark.parametrize(
    ("header", "doubts"),
    [
        (pet(), []),
        # 2^(3600/6586.2), and the mean over the four minutes that follow.
        (pet(DecayFactor=1.461), []),
        (pet(DecayFactor=1.479), []),
        # Corrected to the image and not to the series, or to the injection.
        (pet(DecayFactor=1), ["decay factor"]),
        (pet(DecayFactor=2.13), ["decay factor"]),
        (pet(DecayFactor=2.13, DecayCorrection="ADMIN"), []),
        # Half an hour where the frame states no duration.
        (pet(DecayFactor=1.9, ActualFrameDuration=None), []),
        (with_map(FACTOR), []),
        (with_map(FACTOR * 1.01), []),
        (with_map(FACTOR * 1.7), ["gives another value"]),
        (with_map(FACTOR, 0.5), ["gives another value"]),
        (with_map(FACTOR * 1.7, unit="Bq/ml"), []),
        # The map is of stored values, of which each stands for 2 Bq/ml.
        (with_map(FACTOR * 2, RescaleSlope=2, RescaleIntercept=0), []),
        (with_map(FACTOR * 1.7, DecayFactor=1), ["decay factor", "gives another value"]),
        # Already SUV.
        (pet(Units="GML", SUVType="LBM", DecayFactor=1), []),
        (pet(Units="GML", DecayFactor=1), ["decay factor"]),
        # Of what has no SUV nothing is in doubt.
        (pet(PatientWeight=None, DecayFactor=1), []),
        (pet(Modality="CT", DecayFactor=1), []),
        (pet(SeriesDate=None, DecayFactor=1), []),
        (pet(SeriesTime=None, DecayFactor=1), []),
        (Dataset(), []),
    ],
)
def test_a_doubt_is_stated_where_statements_of_the_header_contradict_its_suv(
    header: Dataset, doubts: list[str]
) -> None:
    found = suv_doubts(header)
    assert len(found) == len(doubts)
    assert all(doubt in sentence for doubt, sentence in zip(doubts, found, strict=True))


@pytest.mark.parametrize(
    ("stated", "own", "is_doubted"),
    [
        ("20260101090000", "", True),
        # The same moment by two clocks; without the header's own offset none is known.
        ("20260101080000+0000", "+0100", True),
        ("20260101080000+0000", "", False),
        ("20260101110000", "", False),
    ],
)
def test_the_injection_is_dated_by_its_own_clock(stated: str, own: str, is_doubted: bool) -> None:
    header = pet(DecayFactor=1, TimezoneOffsetFromUTC=own or None)
    (drug,) = header.RadiopharmaceuticalInformationSequence
    drug.RadiopharmaceuticalStartDateTime = stated
    assert bool(suv_doubts(header)) == is_doubted
