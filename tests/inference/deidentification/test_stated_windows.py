"""All that a header states of how its image is looked at is found, wherever it stands."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from inference.deidentification.pixels.stated_windows import StatedWindow, stated_windows


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def ranges(dataset: Dataset) -> list[tuple[float, float]]:
    return [(one.low, one.high) for one in stated_windows(dataset)]


def test_each_window_counts_in_stored_values() -> None:
    ct = item(WindowCenter=[480, 40], WindowWidth=[2500, 80])
    ct.RescaleSlope, ct.RescaleIntercept = 2, -1024
    assert ranges(ct) == [(127.0, 1377.0), (512.0, 552.0)]
    assert ranges(item(WindowCenter=40, WindowWidth=80)) == [(0.0, 80.0)]
    # Values that fall while the stored ones rise.
    assert ranges(item(WindowCenter=40, WindowWidth=80, RescaleSlope=-1)) == [(-80.0, 0.0)]


def test_those_of_functional_groups_count_with_their_own_rescale() -> None:
    window = Sequence([item(WindowCenter=40, WindowWidth=80)])
    shifted = Sequence([item(RescaleSlope=1, RescaleIntercept=-1000)])
    enhanced = item(
        SharedFunctionalGroupsSequence=Sequence(
            [item(FrameVOILUTSequence=window, PixelValueTransformationSequence=shifted)]
        )
    )
    assert ranges(enhanced) == [(1000.0, 1080.0)]
    frames = [
        item(FrameVOILUTSequence=Sequence([item(WindowCenter=centre, WindowWidth=10)]))
        for centre in (5, 5, 15)
    ]
    frames[2].PixelValueTransformationSequence = Sequence([item(RescaleSlope=10)])
    enhanced.PerFrameFunctionalGroupsSequence = Sequence(frames)
    assert ranges(enhanced) == [(1000.0, 1080.0), (0.0, 8.0), (1000.0, 1010.0), (1.0, 2.0)]


def test_a_table_gives_the_brightness_that_it_states() -> None:
    table = item(LUTDescriptor=[4, 100, 16])
    table.add_new("LUTData", "OW", np.array([0, 0, 0, 65535], "<u2").tobytes())
    (one,) = stated_windows(item(VOILUTSequence=Sequence([table])))
    assert one.brightness_of(np.array([0, 100, 102, 103, 999], np.float32)).tolist() == [
        *(0.0, 0.0, 0.0, 1.0, 1.0)
    ]


def test_a_first_value_that_may_be_a_negative_one_counts_as_both() -> None:
    """As Implicit VR gives -1024."""
    table = item(LUTDescriptor=[4, 64512, 16])
    table.add_new("LUTData", "OW", np.array([0, 0, 0, 65535], "<u2").tobytes())
    assert ranges(item(VOILUTSequence=Sequence([table]))) == [
        *((64512.0, 64515.0), (-1024.0, -1021.0))
    ]


@pytest.mark.parametrize(
    "odd",
    [
        item(),
        item(WindowCenter=None, WindowWidth=80),
        item(WindowCenter=40),
        item(WindowCenter=40, WindowWidth=0),
        item(VOILUTSequence=Sequence([item(LUTDescriptor=[4, 0, 16])])),
    ],
)
def test_what_states_none_is_no_error(odd: Dataset) -> None:
    assert stated_windows(odd) == []


def test_no_more_than_a_few_are_looked_at() -> None:
    loop = item(
        PerFrameFunctionalGroupsSequence=Sequence(
            item(FrameVOILUTSequence=Sequence([item(WindowCenter=n, WindowWidth=10)]))
            for n in range(100)
        )
    )
    assert stated_windows(loop)[:2] == [StatedWindow(-5.0, 5.0), StatedWindow(-4.0, 6.0)]
    assert len(stated_windows(loop)) == 8
