"""A study is judged by the population that a model's card states."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.imaging.acquisition.field_strength import field_strength_t, field_strengths_t
from inference.models.cards.card_file import Card, population_of
from inference.models.population import Population, caveat_of
from inference.normal_ranges.stated_age import ages_years, caveat_of_ages
from inference.pipelines.brain import brain_volume
from inference.pipelines.catalogue import pipeline_named
from storage.findings.stored_caveats import read_caveats
from storage.settings import load_settings

POPULATION = Population(
    age_years=(18, 96),
    sex=("F",),
    field_strength_t=(1.5, 3.0),
    manufacturers=("Siemens", "Philips"),
    sequences=("GR",),
    contrast_agent=False,
    slice_thickness_mm=(0.5, 1.5),
    source="Authors 2024",
)


def header(**attributes: object) -> Dataset:
    dataset = Dataset()
    values: dict[str, object] = {
        "PatientBirthDate": "19800615",
        "StudyDate": "20260615",
        "PatientSex": "F",
        "MagneticFieldStrength": "3",
        "Manufacturer": "SIEMENS Healthineers",
        "ScanningSequence": ["GR", "IR"],
        "SliceThickness": "1.0",
        **attributes,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def text_of(population: Population, *stacks: Sequence[Dataset]) -> str:
    caveat = caveat_of(population, *stacks)
    return "" if caveat is None else caveat.text


def test_within_there_is_no_word() -> None:
    assert text_of(POPULATION, [header()]) == ""
    # What is not stated is not judged.
    assert text_of(POPULATION, [Dataset()]) == ""
    # In gauss, and in millitesla.
    assert text_of(POPULATION, [header(MagneticFieldStrength="15000")]) == ""
    in_millitesla = header(MagneticFieldStrength="1500", ImagingFrequency="63.87")
    assert text_of(POPULATION, [in_millitesla]) == ""
    # As magnets of 1.5 and 3 T state it.
    for tesla in ("1.494", "2.89362", "3.0001"):
        assert text_of(POPULATION, [header(MagneticFieldStrength=tesla)]) == ""
    # Until the 97th birthday, however the age is stated.
    assert text_of(POPULATION, [header(PatientBirthDate="19290616")]) == ""
    assert text_of(POPULATION, [header(PatientBirthDate=None, PatientAge="096Y")]) == ""
    assert text_of(POPULATION, [enhanced(thickness_mm="1.0", EchoPulseSequence="BOTH")]) == ""


@pytest.mark.parametrize(
    ("stated", "within"),
    [("F", True), ("f ", True), ("Female", True), ("w", True), ("", True), ("male", False)],
)
def test_the_sex_counts_however_it_is_written(stated: str, within: bool) -> None:
    of_somebody = header(PatientSex=None)
    of_somebody.add(DataElement("PatientSex", "CS", stated, validation_mode=config.IGNORE))
    caveat = text_of(replace(POPULATION, sex=("F",)), [of_somebody])
    assert ("sex M (F)" not in caveat) is within
    assert (caveat == "") is within


@pytest.mark.parametrize(
    ("keyword", "vr", "stated"),
    [("PatientAge", "AS", "003y"), ("PatientBirthDate", "DA", "2023.06.01")],
)
def test_an_age_counts_in_other_spellings(keyword: str, vr: str, stated: str) -> None:
    child = header(PatientBirthDate=None)
    child.add(DataElement(keyword, vr, stated, validation_mode=config.IGNORE))
    assert "age 3 years (18 to 96 years)" in text_of(POPULATION, [child])


def test_of_several_series_each_counts() -> None:
    thick, high = header(SliceThickness="4"), header(MagneticFieldStrength="7")
    assert text_of(POPULATION, [header()], [thick], [high], [thick]).endswith(
        ": slice thickness 4 mm (0.5 to 1.5 mm); field strength 7 T (1.5 to 3 T)."
    )


def test_thickness_and_voltage_count_in_every_image_of_a_stack() -> None:
    population = replace(POPULATION, kvp=(100, 120))
    stack = [header(KVP="120"), *(header(SliceThickness=mm, KVP=kv) for mm, kv in VARIED)]
    assert text_of(population, stack).endswith(
        ": slice thickness 3 and 5 mm (0.5 to 1.5 mm); tube voltage 80 and 140 kV (100 to 120 kV)."
    )


def test_thickness_counts_in_every_frame() -> None:
    image = enhanced(thickness_mm="1.0")
    image.PerFrameFunctionalGroupsSequence = [
        group_of_thickness(mm) for mm in ("1.0", "1.0", "5.0")
    ]
    del image.SharedFunctionalGroupsSequence
    assert POPULATION.outside([image]) == (
        ("slice thickness", "slice thickness 5 mm (0.5 to 1.5 mm)"),
    )


VARIED = (("1.0", "80"), ("3.0", "120"), ("5.0", "140"))


def group_of_thickness(thickness_mm: str) -> Dataset:
    measures, group = Dataset(), Dataset()
    measures.SliceThickness = thickness_mm
    group.PixelMeasuresSequence = [measures]
    return group


def enhanced(*, thickness_mm: str, **attributes: object) -> Dataset:
    """An enhanced image, which states the thickness for its frames."""
    dataset = header(SliceThickness=None, ScanningSequence=None, **attributes)
    dataset.SharedFunctionalGroupsSequence = [group_of_thickness(thickness_mm)]
    return dataset


def test_enhanced_images_are_judged_by_what_they_state_elsewhere() -> None:
    outside = enhanced(thickness_mm="4", EchoPulseSequence="SPIN", InversionRecovery="YES")
    assert POPULATION.outside([outside]) == (
        ("sequence", "sequence SE, IR (GR)"),
        ("slice thickness", "slice thickness 4 mm (0.5 to 1.5 mm)"),
    )


@pytest.mark.parametrize(
    ("attributes", "phrase"),
    [
        ({"PatientBirthDate": "20230601"}, "age 3 years (18 to 96 years)"),
        ({"PatientBirthDate": "20260201"}, "age 4 months (18 to 96 years)"),
        # Of people born two days and six whole months before 15 June 2026; half a year is both.
        ({"PatientBirthDate": "20260613"}, "age 2 days (18 to 96 years)"),
        ({"PatientBirthDate": "20251215"}, "age 6 months (18 to 96 years)"),
        ({"PatientBirthDate": "20251216"}, "age 5 months (18 to 96 years)"),
        ({"PatientBirthDate": None, "PatientAge": "003Y"}, "age 3 years (18 to 96 years)"),
        ({"PatientBirthDate": None, "PatientAge": "003W"}, "age 21 days (18 to 96 years)"),
        # The day before a birthday, and the birthday.
        ({"PatientBirthDate": "20080616"}, "age 17 years (18 to 96 years)"),
        ({"PatientBirthDate": "19290615"}, "age 97 years (18 to 96 years)"),
        ({"PatientSex": "M"}, "sex M (F)"),
        ({"MagneticFieldStrength": "7"}, "field strength 7 T (1.5 to 3 T)"),
        ({"MagneticFieldStrength": "1"}, "field strength 1 T (1.5 to 3 T)"),
        ({"MagneticFieldStrength": "70000"}, "field strength 7 T (1.5 to 3 T)"),
        (
            {"MagneticFieldStrength": "3000"},
            "field strength 0.3 T or 3 T, in which unit is not stated (1.5 to 3 T)",
        ),
        ({"Manufacturer": "BIOLAB"}, "manufacturer BIOLAB (Siemens, Philips)"),
        ({"ScanningSequence": "SE"}, "sequence SE (GR)"),
        ({"ContrastBolusAgent": "Gadovist"}, "with contrast agent"),
        ({"ContrastBolusRoute": "IV"}, "with contrast agent"),
        ({"SliceThickness": "4"}, "slice thickness 4 mm (0.5 to 1.5 mm)"),
    ],
)
def test_outside_the_attribute_and_the_range_are_named(
    attributes: dict[str, object], phrase: str
) -> None:
    caveat = caveat_of(POPULATION, [header(**attributes)])
    assert caveat is not None
    text = f"Outside the population the model was made for, by Authors 2024: {phrase}."
    assert caveat.text == text
    (limit,) = caveat.limits
    assert limit in phrase
    # As older versions have stored it.
    assert read_caveats([text]) == (caveat,)


@pytest.mark.parametrize(
    ("stated", "frequency_mhz", "tesla"),
    [
        ("1.5", None, (1.5,)),
        ("0.55", None, (0.55,)),
        ("15000", None, (1.5,)),
        ("30000", None, (3.0,)),
        ("94000", None, (9.4,)),
        ("64", None, (0.064,)),
        ("3000", None, (0.3, 3.0)),
        ("3000", "12.77", (0.3,)),
        ("3000", "127.73", (3.0,)),
        # The frequency of phosphorus says nothing by hydrogen's.
        ("3000", "51.7", (0.3, 3.0)),
        ("0", "63.9", ()),
        ("-1", None, ()),
    ],
)
def test_field_strengths_in_other_units_are_read_as_tesla(
    stated: str, frequency_mhz: str | None, tesla: tuple[float, ...]
) -> None:
    attributes = header(MagneticFieldStrength=stated, ImagingFrequency=frequency_mhz)
    assert field_strengths_t(attributes) == pytest.approx(tesla)
    assert field_strength_t(attributes) == (tesla[0] if len(tesla) == 1 else None)


@pytest.mark.parametrize(
    ("stated", "years"), [("018M", 1.5), ("052W", 1.0), ("365D", 1.0), ("42", None), ("", None)]
)
def test_ages_are_read_in_their_units(stated: str, years: float | None) -> None:
    dataset = Dataset()
    dataset.add_new("PatientAge", "LO", stated)
    assert ages_years(dataset) == (() if years is None else pytest.approx((years,), abs=0.01))


def test_a_birth_date_that_contradicts_the_stated_age_is_not_believed_alone() -> None:
    dataset = header(PatientBirthDate="19700101", PatientAge="003Y")
    assert "age 3 years by PatientAge (18 to 96 years)" in text_of(POPULATION, [dataset])
    dataset.PatientBirthDate, dataset.PatientAge = "20230601", "042Y"
    assert "age 3 years (18 to 96 years)" in text_of(POPULATION, [dataset])


@pytest.mark.parametrize(
    ("born", "stated", "apart"),
    [
        # On 15 June 2026. As of the day when the study was planned; rounded; completed years.
        ("19700101", "055Y", False),
        ("19700101", "057Y", False),
        ("19700101", "058Y", True),
        ("19700101", "054Y", True),
        ("20260101", "018M", True),
        ("20250601", "011M", False),
        ("20260610", "005D", False),
        # Placeholders of an unknown date of birth, and what nobody has lived.
        ("19000101", "050Y", False),
        ("18500101", "050Y", False),
    ],
)
def test_ages_a_year_apart_contradict_each_other(born: str, stated: str, apart: bool) -> None:
    dataset = header(PatientBirthDate=born, PatientAge=stated)
    assert (len(ages_years(dataset)) == 2) is apart
    caveat = caveat_of_ages([header(), dataset])
    assert (caveat is not None) is apart
    if born < "19010101":
        assert ages_years(dataset) == pytest.approx((50.0,))
        del dataset.PatientAge
        assert ages_years(dataset) == ()


def test_a_birth_after_the_study_is_a_caveat() -> None:
    caveat = caveat_of_ages([header(PatientBirthDate="20301231", PatientAge="050Y")])
    assert caveat is not None
    assert caveat.kind == "born_after_study"


@pytest.mark.parametrize("others", [0, 1])
def test_a_contrast_agent_in_any_image_counts(others: int) -> None:
    """Not in the first one alone."""
    images = [header(), header(ContrastBolusAgent="Gadovist"), *[header()] * others]
    assert f": with contrast agent in 1 of {2 + others} images." in text_of(POPULATION, images)
    wanted = Population(contrast_agent=True)
    assert wanted.outside(images)[0].phrase == (
        f"without contrast agent in {1 + others} of {2 + others} images"
    )
    assert wanted.outside(images[1:2]) == ()


def test_a_card_of_an_operator_states_it_in_its_file() -> None:
    card = Card.model_validate(
        {"population": {"age_years": [45, 80], "contrast_agent": False, "on_outside": "refuse"}}
    )
    assert population_of(card) == Population(
        age_years=(45, 80), contrast_agent=False, on_outside="refuse"
    )
    with pytest.raises(ValueError, match="age_years begins at 80 and ends at 45; exchange them"):
        Card.model_validate({"population": {"age_years": [80, 45]}})


def test_a_child_is_outside_of_what_deepbet_was_made_for() -> None:
    population = brain_volume.BrainVolume().card.population
    child = header(PatientBirthDate="20230601", Manufacturer="BIOLAB")
    assert "age 3 years (18 to 150 years)" in text_of(population, [child])
    assert replace(population, on_outside="refuse").outside([header()]) == ()


@pytest.mark.parametrize("name", ["brain-volume", "brain-structures", "lung-density"])
def test_a_child_or_a_contrast_agent_is_outside_of_every_model_of_adults(
    name: str, tmp_path: Path
) -> None:
    pipeline = pipeline_named(load_settings(data_dir=tmp_path), name)
    caveat = text_of(pipeline.card.population, [header(PatientBirthDate="20230601")])
    assert caveat.startswith("Outside the population the model was made for")
    assert "age 3 years (18 to 150 years)" in caveat
    assert text_of(pipeline.card.population, [header()]) == ""
    with_agent = text_of(pipeline.card.population, [header(ContrastBolusAgent="Gadovist")])
    assert with_agent.endswith(": with contrast agent.")
    assert text_of(pipeline.card.population, [header(ContrastBolusAgent="NONE")]) == ""
