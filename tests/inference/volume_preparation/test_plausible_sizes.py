"""A size that no person's structure has is marked, with all that was measured beside it."""

import pytest
from pydicom.dataset import Dataset

from inference.pipeline import Measurement, PipelineOutput
from inference.pipelines.brain.brain_structures import BrainStructures
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.codes import CM3, PERCENT, VOLUME
from inference.volume_preparation.plausible_sizes import with_plausible_sizes
from storage.core.findings import Code, Validity

LITRE = Code("L", "UCUM", "liter")


def header(age: str = "") -> Dataset:
    one = Dataset()
    if age:
        one.PatientAge = age
    return one


def marked(value: float, age: str = "", validity: Validity | None = None) -> Validity | None:
    """Of an intracranial volume."""
    output = PipelineOutput(
        measurements=(Measurement("Intracranial volume", VOLUME, value, CM3, validity=validity),)
    )
    (one,) = with_plausible_sizes(output, BrainVolume(), [header(age)]).measurements
    return one.validity


@pytest.mark.parametrize(
    ("value", "age", "plausible"),
    [
        (1_480.0, "045Y", True),
        (1_150.0, "080Y", True),
        (2_250.0, "030Y", True),
        (4_940.6, "046Y", False),
        (2_400.0, "046Y", False),
        (500.0, "046Y", False),
        (500.0, "003M", True),
        (300.0, "001D", True),
        (1_900.0, "006M", False),
        (450.0, "003Y", False),
        (1_000.0, "002Y", True),
        (500.0, "", True),
        (2_400.0, "", False),
        (150.0, "", False),
    ],
)
def test_intracranial_volumes_go_by_age(value: float, age: str, plausible: bool) -> None:
    validity = marked(value, age)
    assert (validity is None) is plausible
    if validity is not None:
        assert validity.state == "implausible"
        assert "cm³ that people have. Look at the images" in validity.reason


def test_birth_date_and_age_that_contradict_each_other_give_the_widest_limits() -> None:
    one = header("002Y")
    one.PatientBirthDate, one.StudyDate = "19500101", "20260101"
    output = PipelineOutput(
        measurements=(Measurement("Intracranial volume", VOLUME, 2_250.0, CM3),)
    )
    assert with_plausible_sizes(output, BrainVolume(), [one]) is output


def test_a_part_may_be_small_and_never_larger_than_the_whole() -> None:
    cut = Validity("truncated", ("inferior",), "The images cut it off at the bottom.")
    assert marked(300.0, "046Y", cut) == cut
    validity = marked(4_339.0, "046Y", cut)
    assert validity is not None
    assert (validity.state, validity.cut_off_at) == ("implausible", ("inferior",))


def test_all_that_was_measured_beside_it_is_marked() -> None:
    output = PipelineOutput(
        measurements=(
            Measurement("Left lung volume", VOLUME, 5.9, LITRE, 0),
            Measurement("Left lung LAA-950", VOLUME, 1.0, PERCENT, 0),
            Measurement("Right lung volume", VOLUME, 6.18, LITRE, 1),
            Measurement("Both lungs volume", VOLUME, 12.08, LITRE, parts=(0, 1)),
        )
    )
    found = with_plausible_sizes(output, LungDensity(), [header("060Y")]).measurements
    assert {one.validity.state for one in found if one.validity} == {"implausible"}
    assert all(
        one.validity and "Both lungs volume is 12.08 L, outside" in one.validity.reason
        for one in found
    )
    sound = PipelineOutput(measurements=output.measurements[:3])
    assert with_plausible_sizes(sound, LungDensity(), [header("060Y")]) is sound


@pytest.mark.parametrize("pipeline", [BrainVolume, BrainStructures, LungDensity])
def test_limits_are_of_what_the_pipeline_measures(
    pipeline: type[BrainVolume | BrainStructures | LungDensity],
) -> None:
    for size in pipeline.plausible_sizes:
        assert size.label in pipeline.measures
        assert [row[0] for row in size.by_age] == sorted(row[0] for row in size.by_age)
        assert size.by_age[0][0] == 0.0
