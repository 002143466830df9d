"""Technique: nothing is stated of a series that its images state differently."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.reports.technique import SeriesTechnique, technique_of


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
