"""Numbers with intervals and curves: checked, kept, and alike in SR, FHIR and the database."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset

from inference.fhir.observation import observation
from inference.findings.build import build_findings
from inference.imaging.volume import assemble_volume
from inference.pipeline import Measurement, PipelineOutput
from inference.refusals import ModelUnusable
from inference.results.encode import encode_results
from inference.results.narrative import shown_interval, shown_value
from storage.core.entities import Study
from storage.core.findings import Axis, Code, Curve, Finding, Interval
from storage.core.text.rounding import kept
from storage.findings.search import Found
from tests import builders
from tests.inference.results_support import PIPELINE, job_for

SECONDS = Code("s", "UCUM", "second")
HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
TIME = Axis("Time", Code("TIME", "99MEDIVIEW", "Time"), SECONDS)
ATTENUATION = Axis("Attenuation", Code("ATTENUATION", "99MEDIVIEW", "Attenuation"), HU)
CURVE = Curve(TIME, ATTENUATION, ((0.0, 41.5), (12.25, 180.0), (30.0, 96.125)))
PEAK = Measurement(
    "Time to peak", Code("TTP", "99SITE", "Time to peak"), 12.25, SECONDS,
    interval=Interval(10.5, 14.0, 0.95), curve=CURVE,
)  # fmt: skip


def _finding(measurement: Measurement = PEAK) -> Finding:
    (found,) = build_findings(job_for(None), PIPELINE, PipelineOutput(measurements=(measurement,)))
    return found


def _numbers(item: Dataset) -> dict[str, list[tuple[float, str]]]:
    """The numbers right below an item, by the meaning of their concept."""
    found: dict[str, list[tuple[float, str]]] = {}
    for one in item.get("ContentSequence") or ():
        if one.ValueType == "NUM":
            (value,) = one.MeasuredValueSequence
            stated = float(value.NumericValue), value.MeasurementUnitsCodeSequence[0].CodeValue
            found.setdefault(one.ConceptNameCodeSequence[0].CodeMeaning, []).append(stated)
    return found


def _named(item: Dataset, meaning: str) -> Dataset:
    for one in item.get("ContentSequence") or ():
        if one.ConceptNameCodeSequence[0].CodeMeaning == meaning:
            return one
        try:
            return _named(one, meaning)
        except LookupError:
            continue
    raise LookupError(meaning)


def test_small_numbers_keep_their_digits() -> None:
    assert (kept(1791.66666), kept(0.0123456), kept(0.000834567)) == (1791.667, 0.012, 0.0008346)
    assert (kept(-0.0000012345), kept(0.0)) == (-1.234e-06, 0.0)
    small = _finding(
        replace(PEAK, value=0.000834567, interval=None, unit=Code("mm2/s", "UCUM", ""))
    )
    assert shown_value(small) == "0.000835 mm2/s"


def test_the_report_states_interval_and_curve_with_the_number() -> None:
    datasets = builders.series(builders.asymmetric_mask((6, 8, 8)).astype("int16"))
    volume = assemble_volume(datasets)
    output = PipelineOutput(measurements=(PEAK,))
    (report,) = encode_results(job_for(volume), PIPELINE, datasets, volume, output).objects
    number = _named(report.dataset, "Time to peak")
    stated = _numbers(number)
    assert stated["+, range of upper measurement uncertainty"] == [(1.75, "s")]
    assert stated["-, range of lower measurement uncertainty"] == [(1.75, "s")]
    assert stated["Attenuation"] == [(41.5, HU.value), (180.0, HU.value), (96.125, HU.value)]
    points = [
        one for one in number.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeMeaning == "Attenuation"
    ]  # fmt: skip
    assert [_numbers(one)["Time"] for one in points] == [[(0, "s")], [(12.25, "s")], [(30, "s")]]
    texts = [one.TextValue for one in number.ContentSequence if one.ValueType == "TEXT"]
    assert "95 % interval from 10.5 s to 14.0 s." in texts
    assert "Read from a curve of 3 points: Attenuation over Time." in texts


def test_fhir_states_them_as_components() -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    study = Study(**{  # type: ignore[arg-type]
        **dict.fromkeys(Study.__dataclass_fields__, ""), "study_instance_uid": "2.25.7",
        "modalities": (), "updated_at": now,
    })  # fmt: skip
    found = observation(Found(_finding(), now, False), study, ())
    assert found.component is not None
    interval, curve = found.component
    assert interval.code.text == "95 % interval"
    assert interval.value_range is not None
    low, high = interval.value_range.low, interval.value_range.high
    assert low is not None
    assert high is not None
    assert ((low.value, low.code), (high.value, high.code)) == ((10.5, "s"), (14.0, "s"))
    assert curve.code.text == "Attenuation ([hnsf'U]) over Time (s)"
    assert curve.value_string == "CURVE 0,41.5 12.25,180 30,96.125"


def test_people_read_the_interval_with_its_level() -> None:
    assert shown_interval(_finding()) == "95 % interval from 10.5 s to 14.0 s"
    assert shown_interval(_finding(replace(PEAK, interval=None))) == ""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"interval": Interval(13.0, 14.0, 0.95)}, "interval of Time to peak is from 13 to 14"),
        ({"interval": Interval(10.0, 14.0, 1.0)}, "level of 1"),
        ({"interval": Interval(float("nan"), 14.0, 0.9)}, "from nan"),
        ({"interval": Interval(float("-inf"), 14.0, 0.9)}, "from -inf"),
        ({"value": float("nan"), "interval": None}, "is nan, which is no number"),
        ({"curve": Curve(TIME, ATTENUATION, ((0.0, 1.0),))}, "has 1 points; 2 to 500"),
        ({"curve": Curve(TIME, ATTENUATION, ((0.0, 1.0), (0.0, 2.0)))}, "do not ascend"),
        ({"curve": Curve(TIME, ATTENUATION, ((0.0, 1.0), (1.0, float("inf"))))}, "no numbers"),
        ({"curve": Curve(replace(TIME, label=""), ATTENUATION, CURVE.points)}, "has no name"),
    ],
)
def test_what_cannot_be_stated_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ModelUnusable, match=says) as refused:
        _finding(replace(PEAK, **changes))  # type: ignore[arg-type]
    assert refused.value.remedy
