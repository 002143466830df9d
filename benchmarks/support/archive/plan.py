"""What an archive of ten years holds: studies, their series, and which pipelines ran on them.

The mix of modalities and the pipelines are those of `benchmarks.day`; how large a series is varies
from two fifths to twice its usual size. The same content every time.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.planning.load import MODALITIES, USUAL_MIX
from benchmarks.support.hospital_day import PIPELINES

END = datetime(2026, 11, 1, 18, tzinfo=UTC)
YEARS = 10
_SERIES_OF = {"CT": 3, "MR": 5, "PT": 2, "CR": 2, "DX": 2, "MG": 4}
# Of its modality's studies, so many percent; 8 of 15 MR and 15 of 25 CT.
_WITH_PIPELINE_PERCENT = {"CT": 60, "MR": 53}
_SMALLEST, _LARGEST = 0.4, 2.0
_MIX = {name: float(share) for name, share in (one.split("=") for one in USUAL_MIX.split(","))}
_STUDIES_OF_A_PATIENT = 2.5


@dataclass(frozen=True)
class PlannedSeries:
    number: int
    """From 1, over the whole archive."""
    size: int
    """Instances."""
    modality: str


@dataclass(frozen=True)
class PlannedStudy:
    number: int
    patient: int
    modality: str
    received_at: datetime
    series: tuple[PlannedSeries, ...]
    pipeline: str
    """That ran on its first series; empty: none."""

    @property
    def study_instance_uid(self) -> str:
        """As long as those of devices are, one behind the other of each device alone."""
        station, made = self.number % 23, self.received_at - timedelta(minutes=20)
        root = f"1.2.840.113619.2.{410 + station}.3.2831{station:02d}"
        return f"{root}.{made:%Y%m%d%H%M%S}.{self.number}"


def studies_for(instances: int) -> int:
    """How many studies have about so many instances."""
    of_one = sum(share / 100 * MODALITIES[name].instances for name, share in _MIX.items())
    return max(2, round(instances / (of_one * (_SMALLEST + _LARGEST) / 2)))


def planned_studies(instances: int) -> Iterator[PlannedStudy]:
    """In the order in which they came."""
    chance = random.Random(31)  # noqa: S311 - data, no secret
    count = studies_for(instances)
    patients = math.ceil(count / _STUDIES_OF_A_PATIENT)
    step = timedelta(days=365.25 * YEARS) / count
    names, shares = zip(*_MIX.items(), strict=True)
    series_number = 0
    for number in range(1, count + 1):
        modality = chance.choices(names, shares)[0]
        parts = _SERIES_OF.get(modality, 1)
        usual = MODALITIES[modality].instances / parts
        series = []
        for _ in range(parts):
            series_number += 1
            size = max(1, round(usual * chance.uniform(_SMALLEST, _LARGEST)))
            series.append(PlannedSeries(series_number, size, modality))
        has_run = chance.random() * 100 < _WITH_PIPELINE_PERCENT.get(modality, 0)
        # Some come again and again, and others once.
        patient = 1 + int(patients * chance.random() ** 1.5)
        yield PlannedStudy(
            number=number,
            patient=patient,
            modality=modality,
            received_at=END - (count - number) * step,
            series=tuple(series),
            pipeline=PIPELINES[modality] if has_run else "",
        )


def series_uid(study: PlannedStudy, series: PlannedSeries) -> str:
    return f"{study.study_instance_uid}.{series.number - study.series[0].number + 1}"
