"""Values of headers as people read them."""

import numpy as np
import pytest
from pydicom import config
from pydicom.dataelem import DataElement

from inference.calibration.decision import calibration_of
from inference.imaging.headers import quoted
from inference.imaging.volume import VolumeRefused, assemble_volume
from tests import builders


def test_a_value_longer_than_the_standard_allows_is_cut_and_its_length_named() -> None:
    assert quoted("t1_mprage_sag") == "'t1_mprage_sag'"
    assert quoted("x" * 64) == f"'{'x' * 64}'"
    assert quoted("x" * 600) == f"'{'x' * 64}…' (600 characters)"


def test_a_localizer_is_one_in_lower_case_too() -> None:
    made = builders.series(np.zeros((4, 8, 8), np.int16), modality="CT")
    for one in made:
        values = ["original", "primary", "localizer "]
        one.add(DataElement("ImageType", "CS", values, validation_mode=config.IGNORE))
    with pytest.raises(VolumeRefused, match="a localizer, not a volume"):
        assemble_volume(made)
    assert calibration_of(made[0]).caveats == ("localizer",)
