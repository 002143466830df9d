"""highdicom asks what a class allows once a class, and hears what it would have found."""

import highdicom._standard_utils as standard
import numpy as np
import pytest
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, MRImageStorage, SegmentationStorage

from inference.results import seg
from tests import builders
from tests.inference.results_support import encode, result

SLICES = 40


def test_a_class_is_looked_through_once_however_many_slices_there_are() -> None:
    remembered = standard.is_attribute_in_iod.__wrapped__
    remembered.cache_clear()
    shape = (SLICES, 4, 5)
    datasets = builders.series(np.zeros(shape, np.int16))
    assert result(encode(datasets, np.ones(shape, bool)), "SEG").NumberOfFrames == SLICES
    asked = remembered.cache_info()
    assert asked.hits >= SLICES
    assert asked.misses < SLICES / 2


@pytest.mark.parametrize(
    "sop_class_uid",
    [CTImageStorage, EnhancedMRImageStorage, MRImageStorage, SegmentationStorage],
)
@pytest.mark.parametrize("attribute", ["PerFrameFunctionalGroupsSequence", "PixelData", "Rows"])
def test_the_answer_is_that_of_the_standard(sop_class_uid: str, attribute: str) -> None:
    ask = standard.is_attribute_in_iod
    for excluded in (None, ["IconImageSequence"]):
        own = ask.__wrapped__.__wrapped__(attribute, sop_class_uid, excluded)
        assert ask(attribute, sop_class_uid, exclude_path_elements=excluded) == own


def test_an_unknown_class_is_told_as_before() -> None:
    with pytest.raises(KeyError, match=r"1\.2\.3"):
        standard.is_attribute_in_iod("Rows", "1.2.3")


def test_asking_for_it_twice_changes_nothing() -> None:
    before = standard.is_attribute_in_iod
    seg.answer_once()
    assert standard.is_attribute_in_iod is before
