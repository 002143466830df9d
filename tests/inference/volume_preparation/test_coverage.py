"""A structure that the images cut off is never measured as if it were whole."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.pipeline import (
    Measurement,
    ModelCard,
    Passage,
    PipelineContext,
    PipelineOutput,
    Segment,
)
from inference.pipelines.brain.brain_mask import TO_THE_SPINAL_CORD
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.brain.missing_structures import LEAST_PERCENT
from inference.pipelines.brain.structure_volumes import measured, notes_of
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.structures import LEFT, RIGHT, STRUCTURES
from inference.refusals import NotCovered, NothingFound
from inference.volume_preparation.coverage import (
    cut_off_at,
    cut_off_segments,
    cut_off_too,
    run_with_coverage,
    with_validity,
)
from inference.volume_preparation.empty_slices import imaged_slices
from storage.core.findings import Direction, Validity
from storage.settings import Settings
from tests.inference.chest import chest, volume_of
from tests.inference.cutting import cut
from tests.inference.results_support import CM3, STRUCTURE, VOLUME, output_of

SHAPE = (30, 40, 50)
# Of a volume whose axes run to superior, posterior and left, as an axial CT has them.
ENDS: list[tuple[Direction, Direction]] = [
    ("inferior", "superior"),
    ("anterior", "posterior"),
    ("right", "left"),
]


def axes(flips: tuple[bool, bool, bool] = (False, False, False)) -> NDArray[np.float64]:
    """Slices 2 mm apart upwards, rows of 1.5 mm to the back, columns of 1 mm to the left."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 2.0, 1.5, 1.0, 1.0
    for axis, flipped in enumerate(flips):
        affine[:3, axis] *= -1 if flipped else 1
    return affine


def ball(centre: tuple[float, float, float], radius: float = 8.0) -> NDArray[np.bool_]:
    """In voxels, of the grid `SHAPE`."""
    away = [grid - at for grid, at in zip(np.indices(SHAPE), centre, strict=True)]
    inside: NDArray[np.bool_] = sum(one.astype(float) ** 2 for one in away) < radius**2
    return inside


@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)), ids=str)
def test_each_side_is_named_as_the_patients_whichever_way_the_axes_run(
    flips: tuple[bool, bool, bool],
) -> None:
    middle = (15.0, 20.0, 25.0)
    assert cut_off_at(ball(middle), axes(flips)) == ()
    for axis in range(3):
        for end in (0, 1):
            centre = list(middle)
            centre[axis] = (SHAPE[axis] - 1) * end
            found = cut_off_at(ball((centre[0], centre[1], centre[2])), axes(flips))
            assert found == (ENDS[axis][end if not flips[axis] else 1 - end],)


def test_a_structure_in_a_corner_is_cut_off_at_three_sides() -> None:
    assert set(cut_off_at(ball((0.0, 0.0, 0.0)), axes())) == {"inferior", "anterior", "right"}


def test_one_voxel_before_the_edge_is_complete_unless_the_model_avoids_edges() -> None:
    mask = ball((8.9, 20.0, 25.0))
    first = int(np.flatnonzero(mask.any(axis=(1, 2)))[0])
    assert first == 1
    assert cut_off_at(mask, axes()) == ()
    assert cut_off_at(mask, axes(), margin_mm=3.0) == ("inferior",)


def test_strays_of_a_model_at_the_edge_cut_nothing_off() -> None:
    mask = ball((15.0, 20.0, 25.0))
    mask[0, 3:5, 3:6] = True
    assert cut_off_at(mask, axes()) == ()


def test_a_brain_that_goes_over_into_the_cord_is_complete_and_one_cut_above_is_not() -> None:
    brain = ball((20.0, 20.0, 25.0), 9.0)
    cord = np.zeros(SHAPE, bool)
    cord[:20, 15:25, 18:32] = True
    assert cord[0].sum() * 1.5 == 210.0
    assert cut_off_at(brain | cord, axes(), TO_THE_SPINAL_CORD) == ()
    assert cut_off_at(brain | cord, axes()) == ("inferior",)
    # The same way out at the vertex is none.
    upside_down = (brain | cord)[::-1]
    assert cut_off_at(upside_down, axes(), TO_THE_SPINAL_CORD) == ("superior",)
    wide = np.zeros(SHAPE, bool)
    wide[:20, 5:35, 5:45] = True
    assert cut_off_at(brain | wide, axes(), Passage("inferior", 1000.0)) == ("inferior",)


def test_the_circle_of_a_ct_is_an_edge_as_well() -> None:
    padding = np.zeros(SHAPE, bool)
    padding[:, :, :20] = True
    mask = ball((15.0, 20.0, 25.0)) & ~padding
    assert cut_off_at(mask, axes(), padding=padding) == ("right",)
    assert cut_off_at(mask, axes()) == ()


def phantom() -> tuple[Volume, PipelineOutput]:
    """A brain that is whole, and a cerebellum of which the lower half was not imaged."""
    volume = replace(
        volume_of(chest()),
        voxels=np.zeros(SHAPE, np.float32),
        lps_from_kji=axes(),
        padding_ranges=np.full((SHAPE[0], 2), np.nan, np.float32),
        modality="MR",
    )
    return volume, output_of(volume, ball((15.0, 20.0, 35.0)), ball((0.0, 20.0, 10.0)))


def test_each_segment_is_judged_by_itself_and_totals_are_left_out() -> None:
    volume, output = phantom()
    total = Measurement("Both", VOLUME, 5.0, CM3, parts=(0, 1))
    count = Measurement("Number", VOLUME, 2.0, CM3)
    output = replace(output, measurements=(*output.measurements, total, count))
    judged = with_validity(BrainVolume(), output, volume)
    brain, cerebellum, number = judged.measurements
    assert brain.validity is not None
    assert cerebellum.validity is not None
    assert (brain.validity.state, brain.validity.reason) == ("complete", "")
    assert cerebellum.validity.state == "truncated"
    assert cerebellum.validity.cut_off_at == ("inferior",)
    assert cerebellum.validity.reason == "The images cut it off at the bottom."
    assert number.validity is None
    (note,) = judged.notes
    assert note.endswith("Both.")


def test_segments_of_a_label_map_are_judged_like_masks_of_their_own() -> None:
    """Of a CT with the padding around its circle, and with strays beside each structure."""
    volume, output = phantom()
    volume = replace(volume, modality="CT", padding_ranges=np.full((SHAPE[0], 2), -2000.0))
    volume.voxels[:, :, :12] = -2000.0
    spots = np.random.default_rng(3).integers(0, 6, (5, 8, 10))
    labels = spots.repeat(6, 0).repeat(5, 1).repeat(5, 2).astype(np.uint8)
    labels[:, :, :12] = 0
    labels[3:8, 20:30, 25:35] = 7
    labels[29, 0, 49] = 7
    segments = output.segments[:1] * 7
    as_labels = replace(output, segments=segments, masks=labels)
    as_masks = replace(as_labels, masks=np.stack([labels == n for n in range(1, 8)], axis=-1))
    found = cut_off_segments(as_labels, volume, {})
    assert found == cut_off_segments(as_masks, volume, {})
    assert "right" in found[0]
    assert 6 not in found


class FindsBright(BrainVolume):
    """Marks what is brighter than 0, on the slices that it is given."""

    passages: Mapping[str, Passage] = MappingProxyType({})

    def run(self, context: PipelineContext) -> PipelineOutput:
        assert context.volume is not None
        return output_of(context.volume, context.volume.voxels > 0)


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("end", [0, 1], ids=["first slices", "last slices"])
def test_empty_slices_at_the_ends_are_outside_of_the_images(modality: str, end: int) -> None:
    """Padding of a CT, zeros of an MR; a slice of air or noise is a picture."""
    volume, _ = phantom()
    volume = replace(volume, modality=modality)
    volume.voxels[:] = np.random.default_rng(5).normal(-50.0, 5.0, SHAPE)
    volume.voxels[ball((15.0, 20.0, 25.0))] = 40.0
    pipeline, settings = FindsBright(), Settings()

    def ends_at() -> tuple[Direction, ...]:
        output = run_with_coverage(pipeline, PipelineContext(settings, volume))
        assert output.masks is not None
        assert output.masks.shape[:3] == SHAPE
        (found,) = output.measurements
        assert found.validity is not None
        assert np.array_equal(output.mask(0), volume.voxels > 0)
        return found.validity.cut_off_at

    assert ends_at() == ()
    empty = slice(15, None) if end else slice(None, 15)
    if modality == "CT":
        volume.padding_ranges[:] = -2000.0
        volume.voxels[empty] = -2000.0
    else:
        volume.voxels[empty] = 0.0
    assert ends_at() == (("superior",) if end else ("inferior",))


def test_a_volume_without_any_picture_keeps_all_slices() -> None:
    volume, _ = phantom()
    assert imaged_slices(volume) == slice(0, SHAPE[0])


def test_the_card_of_a_model_refuses_what_is_not_whole() -> None:
    volume, output = phantom()

    class Strict(BrainVolume):
        card: ModelCard = replace(BrainVolume.card, on_truncation="refuse")

    with pytest.raises(NotCovered, match="Cerebellum is cut off at the bottom"):
        with_validity(Strict(), output, volume)
    whole = replace(output, measurements=output.measurements[:1])
    masks = output.masks
    assert masks is not None
    whole = replace(whole, segments=output.segments[:1], masks=masks[..., :1])
    assert with_validity(Strict(), whole, volume).measurements[0].validity is not None


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, 1])
def test_lungs_of_a_phantom_are_truncated_wherever_it_is_cut(
    axis: int, end: int, share: float
) -> None:
    whole = volume_of(chest())
    size = whole.voxels.shape[axis]
    at = int(size * share)
    part = cut(whole, axis, *((0, at) if end else (at, size)))
    try:
        output = run_with_coverage(LungDensity(), PipelineContext(Settings(), part))
    except NothingFound:
        # What is left of the lungs is smaller than any lung: refused is as good as marked.
        assert axis == 1
        return
    volumes = {one.label: one for one in output.measurements if one.label.endswith("volume")}
    body = chest()
    for label, mask in (("Left lung volume", body.left), ("Right lung volume", body.right)):
        found = volumes.get(label)
        if found is None:
            continue  # not in the images at all
        litres = float(mask.sum()) * whole.voxel_volume_mm3 / 1e6
        assert found.validity is not None
        if found.validity.state == "complete":
            assert found.value == pytest.approx(litres, rel=0.03)
        else:
            assert found.validity.cut_off_at == (ENDS[axis][end],)
            assert found.value < litres
    assert "Both lungs volume" not in volumes


def structures_of(brain_starts_at: int) -> dict[str, Measurement]:
    """Two structures of 8 mm beside each other along the slices, 100 mm apart, in a brain that has
    what every brain has."""
    shape = (100, 20, 20)
    brain = np.zeros(shape, bool)
    brain[brain_starts_at:98, 1:19, 1:19] = True
    volume = replace(
        volume_of(chest()),
        # Stripes, as fluid beside tissue: what is all alike is no brain.
        voxels=brain * np.where(np.arange(20) % 4 < 2, 60, 150).astype(np.float32),
        lps_from_kji=axes(),
        padding_ranges=np.full((shape[0], 2), np.nan, np.float32),
        modality="MR",
    )
    masks = np.zeros(shape, np.uint8)
    masks[10:14, 8:12, 8:12], masks[60:64, 8:12, 8:12] = 1, 2
    segments = tuple(
        Segment(structure.name, STRUCTURE, structure.code, structure.color_rgb)
        for structure in STRUCTURES[:2]
    )
    for structure in STRUCTURES:
        for side in (LEFT, RIGHT) if structure.paired else (None,):
            if structure.label in LEAST_PERCENT:
                first = 66 + 2 * (len(segments) - 2)
                segments = (
                    *segments,
                    Segment(structure.name, STRUCTURE, structure.code, structure.color_rgb, side),
                )
                masks[first : first + 2, 6:14, 6:14] = len(segments)
    # Along the slices of `axes` lies superior; the cord is no excuse for so wide a contact.
    cut_off = cut_off_at(brain, axes(), Passage("inferior", 100.0))
    found = measured(segments, masks, brain, volume, cut_off)
    notes = notes_of(segments, cut_off)
    assert bool(notes) == bool(cut_off)
    output = with_validity(BrainVolume(), PipelineOutput(segments, masks, found), volume)
    return {one.label: one for one in output.measurements}


def test_what_lies_close_to_where_the_brain_is_cut_off_is_truncated_with_it() -> None:
    near, far = STRUCTURES[0].name, STRUCTURES[1].name
    whole = structures_of(brain_starts_at=2)
    assert {one.validity.state for one in whole.values() if one.validity} == {"complete"}
    assert f"{near} share of intracranial volume" in whole
    part = structures_of(brain_starts_at=0)
    states = {
        label: one.validity.state
        for label, one in part.items()
        if one.validity and label.startswith(("Intracranial", near, far))
    }
    assert states == {
        "Intracranial volume": "truncated",
        f"{near} volume": "truncated",
        f"{far} volume": "complete",
    }
    validity = part[f"{near} volume"].validity
    assert validity is not None
    assert "in it or close to it" in validity.reason


def test_what_is_not_plausible_and_cut_off_says_both() -> None:
    """A head that ends below its vertex is not plausible for that very reason."""
    doubt = Validity("implausible", reason="The network is unsure of much of the head.")
    both = cut_off_too(doubt, ("superior",))
    assert both.state == "implausible"
    assert both.cut_off_at == ("superior",)
    assert both.reason == f"{doubt.reason} The images cut it off at the top."
    assert cut_off_too(doubt, ()) == doubt
