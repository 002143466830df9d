"""What a network made of a head that it was not made for shows in its answer."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import Segment
from inference.pipelines.brain.brain_structures import BrainStructures
from inference.pipelines.brain.dark_places import share_without_signal
from inference.pipelines.brain.plausibility import (
    MOST_ASYMMETRY,
    judge,
    unnamed_tissue_share,
    validity_of_mask,
)
from inference.pipelines.brain.structure_volumes import measured
from inference.pipelines.codes import ANATOMICAL_STRUCTURE
from inference.pipelines.structures import LEFT, RIGHT, STRUCTURES
from storage.core.findings import Code
from tests import builders

SHAPE = (24, 32, 32)
FLUID, GREY, WHITE = 100, 400, 600
BY_LABEL = {one.label: one for one in STRUCTURES}


def segment(label: str, side: Code | None = None) -> Segment:
    one = BY_LABEL[label]
    name = one.name if side is None else f"{side.meaning.lower()} {one.name}"
    return Segment(name[0].upper() + name[1:], ANATOMICAL_STRUCTURE, one.code, (1, 2, 3), side)


SEGMENTS = (
    segment("Cerebral-Cortex", LEFT),
    segment("Cerebral-Cortex", RIGHT),
    segment("Lateral-Ventricle", LEFT),
    segment("Lateral-Ventricle", RIGHT),
    segment("Hippocampus", LEFT),
    segment("Hippocampus", RIGHT),
    *(
        segment(label, side)
        for side in (LEFT, RIGHT)
        for label in ("Thalamus", "Caudate", "Putamen", "Pallidum", "Amygdala")
    ),
    segment("Brain-Stem"),
)


def head() -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int16]]:
    """Label map, intracranial mask and grey values of a head that is right."""
    masks = np.zeros(SHAPE, np.uint8)
    masks[4:20, 6:26, 6:16] = 1
    masks[4:20, 6:26, 16:26] = 2
    masks[10:14, 12:20, 12:16] = 3
    masks[10:14, 12:20, 16:20] = 4
    masks[6:9, 8:12, 8:13] = 5
    masks[6:9, 8:12, 19:24] = 6
    for number in range(5):
        levels, rows = slice(4 + 3 * (number % 4), 7 + 3 * (number % 4)), 22 - number // 4 * 4
        masks[levels, rows : rows + 3, 8:11] = 7 + number
        masks[levels, rows : rows + 3, 20:23] = 12 + number
    masks[5:9, 16:20, 14:18] = 17
    intracranial = np.zeros(SHAPE, bool)
    intracranial[3:21, 5:27, 5:27] = True
    voxels = np.zeros(SHAPE, np.int16)
    voxels[intracranial] = FLUID
    voxels[masks > 0] = GREY
    voxels[(masks == 3) | (masks == 4)] = FLUID
    return masks, intracranial, voxels


def volume_of(voxels: NDArray[np.int16]) -> Volume:
    return assemble_volume(builders.series(voxels, modality="MR"))


def states(masks: NDArray[np.uint8], mask: NDArray[np.bool_], volume: Volume) -> dict[str, str]:
    found = measured(SEGMENTS, masks, mask, volume, ())
    return {
        one.label: one.validity.reason
        for one in found
        if one.validity is not None and one.validity.state == "implausible"
    }


def test_what_is_right_is_not_marked() -> None:
    masks, mask, voxels = head()
    volume = volume_of(voxels)
    assert states(masks, mask, volume) == {}
    assert unnamed_tissue_share(SEGMENTS, masks, mask, volume) == 0
    values = {one.label: one.value for one in measured(SEGMENTS, masks, mask, volume, ())}
    assert values.keys() <= BrainStructures.measures
    voxel_cm3 = volume.voxel_volume_mm3 / 1000
    # Parenchyma is without the ventricles, and the mask with all the fluid.
    assert values["Brain parenchyma volume"] == pytest.approx(
        (np.isin(masks, (3, 4), invert=True) & (masks > 0)).sum() * voxel_cm3
    )
    assert values["Intracranial volume"] == pytest.approx(mask.sum() * voxel_cm3)
    assert values["Left hippocampus share of intracranial volume"] == pytest.approx(
        100 * (masks == 5).sum() / mask.sum()
    )


def test_tissue_without_a_name_marks_everything_but_the_mask() -> None:
    masks, mask, voxels = head()
    masks[15:20][masks[15:20] > 0] = 0  # a fifth of the brain and more
    found = states(masks, mask, volume_of(voxels))
    assert "Intracranial volume" not in found
    assert "Brain parenchyma volume" in found
    assert {"Left hippocampus volume", "Right hippocampus volume"} <= found.keys()
    assert (
        "of the tissue in the intracranial space belongs to no structure"
        in found["Left hippocampus volume"]
    )


def test_fluid_without_a_name_is_as_it_should_be() -> None:
    masks, mask, voxels = head()
    wide = np.zeros(SHAPE, bool)
    wide[1:23, 1:31, 1:31] = True
    voxels[wide & ~mask] = FLUID
    assert states(masks, wide, volume_of(voxels)) == {}


def test_one_side_of_a_third_of_the_other_is_marked_on_both() -> None:
    masks, mask, voxels = head()
    masks[6:9, 8:12, 10:13] = 1
    masks[6:9, 10:12, 8:10] = 1
    found = states(masks, mask, volume_of(voxels))
    assert set(found) == {
        f"{side} hippocampus {what}"
        for side in ("Left", "Right")
        for what in ("volume", "share of intracranial volume")
    }
    assert found["Left hippocampus volume"].startswith("One side has 20% of the volume")


def test_a_side_that_much_of_the_brain_may_miss_marks_the_parenchyma() -> None:
    masks, mask, voxels = head()
    # A quarter of one side's cortex, with nothing in its place: fluid, as after a resection.
    masks[16:20, 6:26, 16:26] = 0
    voxels[16:20, 6:26, 16:26] = FLUID
    found = states(masks, mask, volume_of(voxels))
    assert set(found) == {
        "Brain parenchyma volume",
        *(f"{side} cerebral cortex volume" for side in ("Left", "Right")),
        *(f"{side} cerebral cortex share of intracranial volume" for side in ("Left", "Right")),
    }
    assert found["Brain parenchyma volume"] == (
        "The sides of its cerebral cortex differ by 15% of it, which may be missing."
        " Look at the mask before using the value."
    )


def test_a_structure_in_pieces_is_marked() -> None:
    masks, mask, voxels = head()
    masks[6:9, 8:12, 11:13] = 1
    masks[16:19, 20:24, 8:10] = 5
    found = states(masks, mask, volume_of(voxels))
    assert set(found) == {
        "Left hippocampus volume",
        "Left hippocampus share of intracranial volume",
    }
    assert "lies apart from its largest part" in found["Left hippocampus volume"]


def test_structures_outside_of_the_mask_mark_everything() -> None:
    masks, mask, voxels = head()
    mask[:, :, 20:] = False
    judged = judge(SEGMENTS, masks, mask, volume_of(voxels))
    assert "lies outside of the intracranial space" in judged.whole
    validity = judged.validity(0)
    assert validity is not None
    assert validity.state == "implausible"


def test_a_ventricle_may_be_smaller_on_one_side_but_not_as_good_as_gone() -> None:
    masks, mask, voxels = head()
    volume = volume_of(voxels)
    masks[11:14, 12:20, 12:16] = 0
    assert states(masks, mask, volume) == {}
    masks[10, 13:20, 12:16] = 0
    found = states(masks, mask, volume)
    assert found["Left lateral ventricle volume"].startswith("One side has 3% of the volume")


@pytest.mark.parametrize(("left", "right", "marked"), [(72, 56, True), (65, 63, False)])
def test_half_of_a_cerebellum_that_is_cut_is_marked(left: int, right: int, marked: bool) -> None:
    pair = (segment("Cerebellum-Cortex", LEFT), segment("Cerebellum-Cortex", RIGHT))
    masks = np.zeros((4, 8, 8), np.uint8)
    masks.flat[:left] = 1
    masks.flat[left : left + right] = 2
    volume = volume_of(masks.astype(np.int16))
    judged = judge(pair, masks, np.ones(masks.shape, bool), volume)
    reason = "One side has 78% of the volume of the other; less than 82% is a failed mask"
    assert set(judged.segments) == ({0, 1} if marked else set())
    assert all(one.startswith(reason) for one in judged.segments.values())


def test_every_pair_has_a_limit_of_asymmetry() -> None:
    assert MOST_ASYMMETRY.keys() == {one.label for one in STRUCTURES if one.paired}


def coarse(voxels: NDArray[np.int16]) -> Volume:
    return assemble_volume(builders.series(voxels, modality="MR", spacing_mm=(2.0, 1.8, 1.6)))


def test_structures_that_a_network_draws_into_a_hole_are_marked() -> None:
    """As after a resection: both sides have their size, and no tissue is without a name."""
    masks, mask, voxels = head()
    voxels[5:15, 7:17, 7:15] = FLUID - 60
    found = states(masks, mask, coarse(voxels))
    assert set(found) == {
        "Brain parenchyma volume",
        *(
            f"Left {structure} {what}"
            for structure in ("cerebral cortex", "hippocampus")
            for what in ("volume", "share of intracranial volume")
        ),
    }
    assert found["Left hippocampus volume"].startswith("100% of it is as dark as cerebrospinal")


def test_sulci_and_voxels_between_fluid_and_tissue_are_not_holes() -> None:
    masks, mask, voxels = head()
    voxels[:, 6:26:5, 6:26] = FLUID
    voxels[4, 6:26, 6:26] = (FLUID + GREY) // 2 - 10
    assert states(masks, mask, coarse(voxels)) == {}


def test_a_mask_over_half_a_head_that_is_not_there_is_marked() -> None:
    """Filled with zeros, and by a network that knows whole heads alone."""
    masks, mask, voxels = head()
    voxels[:, :, 16:] = 0
    volume = coarse(voxels)
    assert 0.4 < share_without_signal(mask, volume) < 0.6
    (whole,) = (
        one for one in measured(SEGMENTS, masks, mask, volume, ()) if "Intracranial" in one.label
    )
    assert whole.validity is not None
    assert whole.validity.state == "implausible"
    assert "of it lies where the images have no signal" in whole.validity.reason
    assert validity_of_mask(mask, volume_of(head()[2])) is None


def test_a_brain_without_what_every_brain_has_is_marked_whole() -> None:
    """As of a head that the header turns back to front: most is found, and the rest nowhere."""
    masks, mask, voxels = head()
    volume = volume_of(voxels)
    masks[(masks == 5) | (masks == 6)] = 1
    assert not [one for one in states(masks, mask, volume) if "Intracranial" in one], "a resection"
    masks[masks == 7] = 1
    found = states(masks, mask, volume)
    assert {"Intracranial volume", "Brain parenchyma volume", "Right putamen volume"} <= set(found)
    assert (
        found["Left cerebral cortex volume"].startswith(
            "Structures that every brain has were not found in it: hippocampus, thalamus."
        )
        or "thalamus, hippocampus" in found["Left cerebral cortex volume"]
    )
    # Of images that end within the brain they are not expected.
    cut = measured(SEGMENTS, masks, mask, volume, ("inferior",))
    assert not [one for one in cut if one.validity and "every brain" in one.validity.reason]
