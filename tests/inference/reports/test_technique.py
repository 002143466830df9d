"""Technique: nothing is stated of a series that its images state differently."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.reports.locale import load_locale
from inference.reports.technique import SeriesTechnique, technique_of
from inference.reports.technique_text import technique_sentences


def technique(headers: list[Dataset]) -> SeriesTechnique:
    def header(instance: Any) -> Dataset:
        place: int = instance.place
        return headers[place]

    reader: Any = SimpleNamespace(header=header)
    series: Any = SimpleNamespace(
        series_instance_uid="1.2", series_number=1, modality="CT", body_part_examined="CHEST"
    )
    instances: Any = [
        SimpleNamespace(place=place, number_of_frames=None) for place in range(len(headers))
    ]
    return technique_of(reader, series, instances, ())


def image(kernel: str, agent: str = "") -> Dataset:
    header = Dataset()
    header.Modality, header.KVP, header.ConvolutionKernel = "CT", "120", kernel
    if agent:
        header.ContrastBolusAgent = agent
    return header


@pytest.mark.parametrize("kernels", [["B30"] * 30 + ["B70"] * 30, ["B30", "B70"] * 30])
def test_two_kernels_of_one_series_are_not_told_as_one(kernels: list[str]) -> None:
    found = technique([image(kernel) for kernel in kernels])
    assert (found.kernel, found.kvp, found.images) == ("", 120, 60)
    assert found.contrast_agent is None
    assert technique([image("B30")]).kernel == "B30"


def test_contrast_agent_in_some_images_is_recorded() -> None:
    found = technique([image("B30")] * 20 + [image("B30", "Iohexol")] * 20)
    assert (found.kernel, found.contrast_agent) == ("B30", "Iohexol")


@pytest.mark.parametrize("without", [0, 5, 42, 132])
def test_no_image_is_left_unasked_for_a_contrast_agent(without: int) -> None:
    images = [image("B30") for _ in range(133)]
    images[without] = image("B30", "Iohexol")
    found = technique(images)
    assert (found.contrast_agent, found.images_without_contrast) == ("Iohexol", 132)
    *_, sentence = technique_sentences([found], load_locale("en"))
    assert sentence.text == "A contrast agent is recorded in 1 of 133 images (Iohexol)."
    *_, sentence = technique_sentences([found], load_locale("de"))
    assert sentence.text == "In 1 von 133 Bildern ist ein Kontrastmittel vermerkt (Iohexol)."


def test_one_image_of_another_kernel_and_voltage_has_neither_stated() -> None:
    images = [image("B30") for _ in range(133)]
    images[42] = image("B70")
    images[43].KVP = "140"
    found = technique(images)
    assert (found.kernel, found.kvp) == ("", None)


def test_of_a_series_too_long_to_read_no_contrast_agent_is_denied() -> None:
    found = technique([image("B30")] * 2_001)
    assert found.kernel == "B30"
    assert found.images == 2_001
    sentences = [one.text for one in technique_sentences([found], load_locale("en"))]
    assert not any("contrast" in one for one in sentences)
