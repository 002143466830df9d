"""A CT that was not made with one tube voltage says so, whatever measures it."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.volume import assemble_volume
from tests import builders

VOXELS = np.zeros((4, 8, 8), np.int16)


def caveat(sources: list[Dataset]) -> str:
    found = caveat_of_energies(sources, assemble_volume(sources))
    return "" if found is None else found.text


def series(modality: str, *kvp: str) -> list[Dataset]:
    made = builders.series(VOXELS, modality=modality)
    for number, one in enumerate(made):
        one.KVP = kvp[number % len(kvp)]
    return made


@pytest.mark.parametrize(
    "kvp", [("120",), ("120", "120.0"), ("120", "1.2E2 "), ("120", "")], ids=str
)
def test_one_voltage_however_it_is_written_needs_no_word(kvp: tuple[str, ...]) -> None:
    assert caveat(series("CT", *kvp)) == ""


def test_slices_of_two_voltages_are_said_to_be_such() -> None:
    assert caveat(series("CT", "140", "80")).startswith("The images were made with 80 and 140 kV:")
    assert caveat(series("MR", "140", "80")) == ""


def test_a_multi_energy_acquisition_is_said_to_be_one() -> None:
    made = series("CT", "120")
    for one in made:
        one.MultienergyCTAcquisition = "YES"
    assert caveat(made).startswith("The images are of a multi-energy acquisition:")


def test_frames_of_an_enhanced_ct_state_their_own_voltage() -> None:
    made = builders.enhanced_mr(builders.series(VOXELS, modality="CT"), range(4))
    for number, groups in enumerate(made.PerFrameFunctionalGroupsSequence):
        details = Dataset()
        details.KVP = 100.0 if number < 2 else 140.0
        groups.CTXRayDetailsSequence = [details]
    assert caveat([made]).startswith("The images were made with 100 and 140 kV:")
