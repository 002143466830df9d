"""Technique of enhanced images: what the groups of their frames state, where all state the same."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import (
    contrast_agent_given,
    frames_with_contrast_agent,
)
from inference.imaging.acquisition.reconstruction import acquisition_of, several_kernels
from inference.models.population import Population
from inference.reports.locale import load_locale
from inference.reports.technique import SeriesTechnique, technique_of
from inference.reports.technique_text import technique_sentences
from inference.series_classification.ct_phase import ct_series


def items(**macros: dict[str, object]) -> Dataset:
    """A functional group with one item for each macro."""
    group = Dataset()
    for macro, attributes in macros.items():
        item = Dataset()
        for keyword, value in attributes.items():
            setattr(item, keyword, value)
        setattr(group, macro, [item])
    return group


def enhanced(modality: str, shared: Dataset, frames: list[Dataset], **header: object) -> Dataset:
    dataset = Dataset()
    dataset.Modality = modality
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    dataset.NumberOfFrames = len(frames)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


def technique(dataset: Dataset) -> SeriesTechnique:
    reader: Any = SimpleNamespace(header=lambda _: dataset)
    series: Any = SimpleNamespace(
        series_instance_uid="1.2",
        series_number=1,
        modality=str(dataset.Modality),
        body_part_examined="",
    )
    instance: Any = SimpleNamespace(number_of_frames=int(dataset.NumberOfFrames))
    return technique_of(reader, series, [instance], ())


def usage(administered: str, phase: str = "") -> dict[str, object]:
    used: dict[str, object] = {
        "ContrastBolusAgentNumber": 1,
        "ContrastBolusAgentAdministered": administered,
    }
    return {**used, "ContrastBolusAgentPhase": phase} if phase else used


def agent(name: str = "Iohexol") -> list[Dataset]:
    item = Dataset()
    item.ContrastBolusAgentNumber, item.CodeMeaning = 1, name
    return [item]


CT = {
    "PixelMeasuresSequence": {"SliceThickness": "1.25", "SpacingBetweenSlices": "1"},
    "CTXRayDetailsSequence": {"KVP": "120"},
    "CTReconstructionSequence": {"ConvolutionKernel": "B30f"},
}


def test_a_ct_states_voltage_kernel_and_thickness_of_its_frames() -> None:
    found = technique(enhanced("CT", items(**CT), [Dataset(), Dataset()]))
    assert (found.kvp, found.kernel, found.slice_thickness_mm) == (120, "B30f", 1.25)
    assert (found.slice_distance_mm, found.images) == (1, 2)
    (sentence, *_) = technique_sentences([found], load_locale("en"))
    assert "120 kV" in sentence.text
    assert "B30f" in sentence.text


@pytest.mark.parametrize(
    ("macro", "keyword", "other", "attribute", "unknown"),
    [
        ("CTXRayDetailsSequence", "KVP", "80", "kvp", None),
        ("CTReconstructionSequence", "ConvolutionKernel", "B70f", "kernel", ""),
        ("PixelMeasuresSequence", "SliceThickness", "5", "slice_thickness_mm", None),
    ],
)
def test_what_a_later_frame_states_otherwise_is_not_stated(
    macro: str, keyword: str, other: str, attribute: str, unknown: object
) -> None:
    shared = {name: one for name, one in CT.items() if name != macro}
    frames = [items(**{macro: CT[macro]}) for _ in range(5)]
    frames[4] = items(**{macro: {**CT[macro], keyword: other}})
    dataset = enhanced("CT", items(**shared), frames)
    assert getattr(technique(dataset), attribute) == unknown
    if keyword == "ConvolutionKernel":
        assert acquisition_of([dataset]).kernel == ""
        assert "B30f and B70f" in several_kernels([dataset])


def test_an_image_that_was_made_of_classic_ones_states_what_no_macro_takes() -> None:
    """Legacy Converted Enhanced CT."""
    left = {"KVP": "100", "ConvolutionKernel": "STANDARD"}
    shared = items(UnassignedSharedConvertedAttributesSequence=left)
    found = technique(enhanced("CT", shared, [Dataset()]))
    assert (found.kvp, found.kernel) == (100, "STANDARD")


def test_an_mr_states_its_times_and_its_sequence() -> None:
    dataset = enhanced(
        "MR",
        items(
            MRTimingAndRelatedParametersSequence={"RepetitionTime": "2300", "FlipAngle": "9"},
            MREchoSequence={"EffectiveEchoTime": 2.98},
            MRModifierSequence={"InversionRecovery": "YES", "InversionTimes": [900.0]},
            PixelMeasuresSequence={"SliceThickness": "1"},
        ),
        [Dataset(), Dataset()],
        EchoPulseSequence="GRADIENT",
        MRAcquisitionType="3D",
        MagneticFieldStrength="3",
    )
    found = technique(dataset)
    assert (found.repetition_time_ms, found.echo_time_ms, found.flip_angle_deg) == (2300, 2.98, 9)
    assert (found.inversion_time_ms, found.sequence, found.acquisition) == (900, "IR", "3D")
    assert Population(sequences=("SE",)).outside([dataset])[0].phrase == "sequence GR, IR (SE)"


def test_a_gradient_echo_with_a_long_echo_is_no_t1() -> None:
    times = items(
        MRTimingAndRelatedParametersSequence={"RepetitionTime": "650"},
        MREchoSequence={"EffectiveEchoTime": 20.0},
    )
    found = technique(enhanced("MR", times, [Dataset()], EchoPulseSequence="GRADIENT"))
    assert (found.weighting, found.sequence) == ("T2*", "GR")


def test_an_agent_counts_in_the_frames_that_it_was_given_before() -> None:
    before, after = (items(ContrastBolusUsageSequence=usage(one)) for one in ("NO", "YES"))
    mixed = enhanced("CT", items(**CT), [before] * 3 + [after], ContrastBolusAgentSequence=agent())
    assert frames_with_contrast_agent(mixed) == (1, 4)
    found = technique(mixed)
    assert (found.contrast_agent, found.images_without_contrast) == ("Iohexol", 3)
    *_, sentence = technique_sentences([found], load_locale("en"))
    assert sentence.text == "A contrast agent is recorded in 1 of 4 images (Iohexol)."
    without = Population(contrast_agent=False)
    assert without.outside([mixed])[0].phrase == "with contrast agent in 1 of 4 images"


def test_an_agent_that_was_named_and_not_given_yet_is_none() -> None:
    native = enhanced(
        "CT",
        items(ContrastBolusUsageSequence=usage("NO")),
        [Dataset()] * 4,
        ContrastBolusAgentSequence=agent(),
    )
    assert not contrast_agent_given(native)
    assert technique(native).contrast_agent is None
    assert Population(contrast_agent=False).outside([native]) == ()
    del native.SharedFunctionalGroupsSequence
    # Where no frame says anything of its use, it was given.
    assert frames_with_contrast_agent(native) == (4, 4)


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        (["ARTERIAL", "ARTERIAL"], "ARTERIAL"),
        (["ARTERIAL", "PORTAL_VENOUS"], ""),
        (["PRE_CONTRAST", "ARTERIAL"], ""),
    ],
)
def test_a_phase_is_that_of_all_frames(phases: list[str], phase: str) -> None:
    frames = [items(ContrastBolusUsageSequence=usage("YES", one)) for one in phases]
    found = ct_series([enhanced("CT", items(**CT), frames)])
    assert found is not None
    assert found.stated == phase


def test_a_series_of_two_scanners_is_judged_by_both() -> None:
    def image(maker: str, tesla: str) -> Dataset:
        dataset = Dataset()
        dataset.Manufacturer, dataset.MagneticFieldStrength = maker, tesla
        return dataset

    population = Population(manufacturers=("Siemens",), field_strength_t=(1.5, 1.5))
    stack = [image("SIEMENS", "1.5")] * 3 + [image("GE", "3")]
    assert [one.phrase for one in population.outside(stack)] == [
        "field strength 3 T in 1 of 4 images (1.5 to 1.5 T)",
        "manufacturer GE in 1 of 4 images (Siemens)",
    ]
