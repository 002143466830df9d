"""Registering a sequence of a drawn head to another one, whose true movement is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.registration.input_registration import (
    Registration,
    RegistrationLimits,
    moved,
    register,
)
from inference.imaging.volume import Volume, assemble_volume
from inference.refusals import VolumeRefused
from tests import builders
from tests.inference.imaging.registration import drawn_head

SHAPE, SPACING_MM = (22, 26, 22), (8.0, 8.0, 8.0)
CORNERS = np.array([(*side, 1) for side in np.array(list(np.ndindex(2, 2, 2))) * 120.0 - 60.0])
LAY = drawn_head.moved((3.0, -2.0, 5.0), (5.0, -4.0, 6.0))


def head(kind: str, lay: NDArray[np.float64], turned_deg: float = 0.0, space: str = "1") -> Volume:
    directions = builders.rotation(turned_deg, 0, 0)
    grid: dict[str, Any] = {
        "spacing_mm": SPACING_MM, "directions": directions, "origin_mm": (-86, -106, -88),
        "FrameOfReferenceUID": f"2.25.{space}",
    }  # fmt: skip
    affine = assemble_volume(builders.series(np.zeros(SHAPE, np.int16), **grid)).lps_from_kji
    return assemble_volume(builders.series(drawn_head.drawn(kind, SHAPE, affine, lay, 3), **grid))


def error_mm(found: Registration, lay: NDArray[np.float64]) -> float:
    """The largest at the corners of a box of 12 cm in the head."""
    apart = CORNERS @ (found.reference_from_input @ lay - np.eye(4)).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())


def test_a_head_that_turned_between_two_sequences_is_moved_back() -> None:
    reference, later = head("t1c", np.eye(4)), head("t1", LAY, turned_deg=2)
    found = register(later, reference)
    assert np.linalg.norm((CORNERS @ (LAY - np.eye(4)).T)[:, :3], axis=1).max() > 12
    # Half a voxel.
    assert error_mm(found, LAY) < 4
    assert RegistrationLimits(refuse_above_mm=8).refusal(found) == ""
    assert found.turned_deg == pytest.approx((-3, 2, -5), abs=3)
    back = moved(later, found, reference)
    assert back.frame_of_reference_uid == "2.25.1"
    assert back.voxels is later.voxels


def test_a_series_of_another_place_is_refused() -> None:
    reference = head("t1c", np.eye(4))
    affine = reference.lps_from_kji.copy()
    affine[2, 3] += 900
    with pytest.raises(VolumeRefused, match="no place where the two overlap"):
        register(replace(reference, lps_from_kji=affine), reference)


FOUND = Registration(np.eye(4), (0, 0, 0), (0, 0, 0), (0, 0, 0), 0.0, 4.0, 1.3, 0.9)


@pytest.mark.parametrize(
    ("changes", "says", "doubtful"),
    [
        ({}, "", True),
        ({"residual_mm": 3.0}, "", False),
        ({"residual_mm": 6.1}, "the residual is 6.1 mm (the card takes up to 6 mm)", True),
        ({"residual_mm": float("nan")}, "the residual is nan mm", False),
        (
            {"mutual_information": 1.003},
            "their normalised mutual information is 1.003 (1.02 is the least)",
            True,
        ),
        ({"overlap": 0.2}, "the two share 20% of the smaller field of view", True),
    ],
)
def test_limits(changes: dict[str, float], says: str, doubtful: bool) -> None:
    good: Any = FOUND
    limits, found = RegistrationLimits(), replace(good, **changes)
    refusal = limits.refusal(found)
    assert refusal.startswith(says)
    assert bool(refusal) == bool(says)
    assert limits.is_doubtful(found) == doubtful
