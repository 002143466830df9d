"""A trunk that nobody named is wider than a head, and what was found in it is not plausible."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.brain.plausibility import validity_of_mask
from inference.pipelines.brain.structure_volumes import measured
from inference.pipelines.codes import ANATOMICAL_STRUCTURE, CM3, VOLUME
from inference.volume_preparation.coverage import with_validity
from storage.core.findings import Code
from tests.inference.chest import SHAPE, SPACING_MM, chest, volume_of

_NOISE = np.random.default_rng(5)
Mask = NDArray[np.bool_]


def body(half_across_mm: float, half_deep_mm: float, columns_along: bool) -> tuple[Volume, Mask]:
    """A T1-weighted tube with fat around it, and a mask in its middle; its length is that of the
    slices, or that of the columns."""
    k, j, i = np.indices(SHAPE)
    x, y = (i - 84.5) * SPACING_MM[2], (j - 74.5) * SPACING_MM[1]
    z = (k - 37.5) * SPACING_MM[0]
    across, deep, along = (x, z, y) if columns_along else (x, y, z)
    radius = (across / half_across_mm) ** 2 + (deep / half_deep_mm) ** 2
    voxels = np.where(radius < 1, 400.0, 6.0) + _NOISE.normal(0, 5, SHAPE)
    # Stripes, as fluid beside tissue.
    voxels[radius < 0.8] = np.where(i % 8 < 4, 250.0, 150.0)[radius < 0.8]
    chest_volume = volume_of(chest())
    affine = chest_volume.lps_from_kji.copy()
    if columns_along:
        affine[[1, 2]] = affine[[2, 1]]
    volume = replace(
        chest_volume, modality="MR", voxels=voxels.astype(np.float32), lps_from_kji=affine
    )
    return volume, (across**2 + deep**2 < 50**2) & (np.abs(along) < 60)


@pytest.mark.parametrize("columns_along", [False, True])
def test_a_head_is_as_wide_as_heads_are(columns_along: bool) -> None:
    volume, mask = body(78.0, 100.0, columns_along)
    assert validity_of_mask(mask, volume) is None


@pytest.mark.parametrize("columns_along", [False, True])
def test_a_trunk_is_no_head(columns_along: bool) -> None:
    volume, mask = body(150.0, 105.0, columns_along)
    validity = validity_of_mask(mask, volume)
    assert validity is not None
    assert validity.state == "implausible"
    assert "cm² across; no head does" in validity.reason


def test_a_ball_of_water_is_no_head() -> None:
    volume, mask = body(78.0, 100.0, columns_along=False)
    volume.voxels[volume.voxels > 100] = 400.0
    volume.voxels[:] += _NOISE.normal(0, 10, SHAPE)
    validity = validity_of_mask(mask, volume)
    assert validity is not None
    assert (validity.state, "as in a phantom" in validity.reason) == ("implausible", True)


def head(turn: NDArray[np.float64]) -> tuple[Volume, Mask]:
    """A T1-weighted head on a neck, its brain longer than wide; `turn`: by which the header's axes
    are wrong, LPS."""
    k, j, i = np.indices((60, 64, 56))
    x, y, z = ((i - 27.5) * 4.0, (j - 31.5) * 4.0, (k - 29.5) * 4.0)
    brain = (x / 68) ** 2 + (y / 90) ** 2 + ((z - 30) / 64) ** 2 < 1
    skull = (x / 78) ** 2 + (y / 102) ** 2 + ((z - 30) / 76) ** 2 < 1
    neck = (x**2 + (y - 10) ** 2 < 60**2) & (z < 0)
    voxels = np.where(skull | neck, 400.0, 6.0) + _NOISE.normal(0, 5, brain.shape)
    voxels[brain] = np.where(i % 2, 250.0, 150.0)[brain]
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, 0, 4.0], [0, 4.0, 0], [4.0, 0, 0]])
    volume = replace(
        volume_of(chest()), modality="MR", voxels=voxels.astype(np.float32), lps_from_kji=affine
    )
    return volume, brain


UPRIGHT = np.eye(3)
EXCHANGED = np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 1]])


def test_a_head_that_the_header_turns_over_is_not_plausible() -> None:
    volume, mask = head(UPRIGHT)
    assert validity_of_mask(mask, volume) is None
    for turn, reason in (
        (np.diag([1.0, 1, -1]), "as in a head that is upside down"),
        (np.diag([-1.0, -1, -1]), "as in a head that is upside down"),
        (EXCHANGED, "as of a head that lies across"),
    ):
        volume, mask = head(turn)
        validity = validity_of_mask(mask, volume)
        assert validity is not None
        assert (validity.state, reason in validity.reason) == ("implausible", True), validity
        for one in measured((), np.zeros(mask.shape, np.uint8), mask, volume, ()):
            assert one.validity is not None
            assert reason in one.validity.reason, one.label
    # Exchanged sides show in nothing.
    volume, mask = head(np.diag([-1.0, 1, 1]))
    assert validity_of_mask(mask, volume) is None


def test_it_stays_implausible_where_the_images_cut_it_off() -> None:
    volume, mask = body(150.0, 105.0, columns_along=False)
    mask[:, 60:90, 70:100] = True
    segment = Segment(
        "Intracranial space", ANATOMICAL_STRUCTURE, Code("128319008", "SCT", "it"), (1, 2, 3)
    )
    output = PipelineOutput(
        segments=(segment,),
        masks=mask.astype(np.uint8),
        measurements=(
            Measurement(
                "Intracranial volume", VOLUME, 1403.4, CM3, 0,
                validity=validity_of_mask(mask, volume),
            ),
        ),
    )  # fmt: skip
    (one,) = with_validity(BrainVolume(), output, volume).measurements
    assert one.validity is not None
    assert one.validity.state == "implausible"
    assert set(one.validity.cut_off_at) == {"superior", "inferior"}
    (whole, *_) = measured((), np.zeros(SHAPE, np.uint8), mask, volume, ("superior",))
    assert whole.validity is not None
    assert (whole.validity.state, whole.validity.cut_off_at) == ("implausible", ("superior",))
