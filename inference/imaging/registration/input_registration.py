"""An input of a study, brought to where the reference shows the same place, by a rigid movement."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.refusals import VolumeRefused

_GRID_MM = 2.0
TIME_S = 300.0
LEAST_MUTUAL_INFORMATION = 1.02
"""Normalised; volumes that have nothing to do with each other have 1.00."""
LEAST_OVERLAP = 0.25
"""Of the smaller of the two fields of view."""
_BINS = 32
_LEAST_VOXELS = 1000
_LEAST_GREY = 0.1
"""Of the image's own window, from which it shows something."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Registration:
    """How an input was moved onto the reference, and what that is worth.

    `reference_from_input`: 4x4, from a place in the input's space to one in the reference's, in
    mm, LPS (PS3.3 C.20.2.1.1: Frame of Reference Transformation Matrix, RIGID).
    `turned_deg`: about the patient's x, then y, then z axis. `shifted_mm`: of the place that comes
    to lie at `centre_mm`, the middle of the reference. Together the six parameters of the matrix.
    `largest_shift_mm`: of any place of the body that both show. `residual_mm`: how far, at most,
    such a place comes to lie from itself when the reference is registered to the input and back:
    what two searches disagree about. It is no upper limit of the error.
    `mutual_information`: normalised (Studholme 1999), from 1 for nothing in common to 2.
    `overlap`: of the smaller field of view, from 0 to 1.
    """

    reference_from_input: Matrix
    turned_deg: tuple[float, float, float]
    shifted_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    largest_shift_mm: float
    residual_mm: float
    mutual_information: float
    overlap: float

    @property
    def text(self) -> str:
        """In a few words, for a derivation description of 1024 characters."""
        shifted = ", ".join(f"{one:.1f}" for one in self.shifted_mm)
        turned = ", ".join(f"{one:.1f}" for one in self.turned_deg)
        return (
            f"registered to it (rigid: shifted by {shifted} mm, turned by {turned} degrees about"
            f" x, y, z; residual {self.residual_mm:.1f} mm)"
        )


@dataclass(frozen=True)
class RegistrationLimits:
    """From which residual on results carry a caveat, and from which the input is refused."""

    caveat_above_mm: float = 3.0
    refuse_above_mm: float = 6.0

    def refusal(self, one: Registration) -> str:
        """Why a registration is not to be gone by, with its numbers; "" where it is."""
        if one.overlap < LEAST_OVERLAP:
            return (
                f"the two share {one.overlap:.0%} of the smaller field of view"
                f" ({LEAST_OVERLAP:.0%} are the least)"
            )
        if one.mutual_information < LEAST_MUTUAL_INFORMATION:
            return (
                f"their normalised mutual information is {one.mutual_information:.3f}"
                f" ({LEAST_MUTUAL_INFORMATION:g} is the least)"
            )
        if not one.residual_mm <= self.refuse_above_mm:
            return (
                f"the residual is {one.residual_mm:.1f} mm (the card takes up to"
                f" {self.refuse_above_mm:g} mm)"
            )
        return ""

    def is_doubtful(self, one: Registration) -> bool:
        return one.residual_mm > self.caveat_above_mm


def register(volume: Volume, reference: Volume, *, time_s: float = TIME_S) -> Registration:
    """Find the movement by mutual information (Mattes), from coarse to fine.

    Volumes of one Frame of Reference are taken to lie nearly as they state; others are looked for
    anywhere. The same volumes give the same movement, to the last bit on one machine. Memory is
    that of some 2.5 million voxels. Raises VolumeRefused, in half a sentence, where it takes longer
    than `time_s`, or where the two do not overlap.
    """
    # It takes half a second to import, and few jobs register.
    from inference.imaging.registration.rigid_registration import coarse_image, one_thread

    ends_at = time.monotonic() + time_s
    finest_mm = min(*volume.spacing_mm, *reference.spacing_mm)
    frames = volume.frame_of_reference_uid, reference.frame_of_reference_uid
    is_near = bool(frames[0]) and frames[0] == frames[1]
    fixed, moving = (coarse_image(one, max(_GRID_MM, finest_mm)) for one in (reference, volume))
    try:
        with one_thread():
            found = _found(fixed, moving, ends_at, is_near=is_near)
            back = _found(moving, fixed, ends_at, is_near=is_near)
    except RuntimeError as error:
        # SimpleITK's, where the search has led to a place at which nothing overlaps.
        raise VolumeRefused("the search found no place where the two overlap") from error
    if time.monotonic() > ends_at:
        raise VolumeRefused(f"it took longer than {time_s:g} s")
    return _measured(fixed, moving, found, back)


def moved(volume: Volume, registration: Registration, reference: Volume) -> Volume:
    """The volume with the same voxels, where they lie in the reference's space."""
    return replace(
        volume,
        lps_from_kji=registration.reference_from_input @ volume.lps_from_kji,
        frame_of_reference_uid=reference.frame_of_reference_uid,
    )


def _found(fixed: Any, moving: Any, ends_at: float, *, is_near: bool) -> Any:
    """SimpleITK's transform from places of `fixed` to those of `moving`."""
    from inference.imaging.registration.rigid_registration import best_start, centred_start, refined

    start = centred_start(fixed) if is_near else best_start(fixed, moving, ends_at)
    return refined(fixed, moving, start, ends_at)


def _measured(fixed: Any, moving: Any, found: Any, back: Any) -> Registration:
    import SimpleITK
    from scipy.spatial.transform import Rotation

    from inference.imaging.registration.rigid_registration import covered, lowest

    input_from_reference = _matrix(found)
    reference_from_input: Matrix = np.linalg.inv(input_from_reference).astype(np.float64)
    both = covered(fixed, moving, found)
    resampled = SimpleITK.Resample(moving, fixed, found, SimpleITK.sitkLinear, lowest(moving))
    volumes = [
        float(np.prod(np.array(one.GetSize()) * one.GetSpacing())) for one in (fixed, moving)
    ]
    voxel_mm3 = float(np.prod(fixed.GetSpacing()))
    places = _places(fixed, both)
    away = places @ (_matrix(back) @ input_from_reference - np.eye(4)).T
    shifts = places @ (np.eye(4) - input_from_reference).T
    middle = (np.array(fixed.GetSize()) - 1) / 2
    centre = np.append(fixed.TransformContinuousIndexToPhysicalPoint(middle.tolist()), 1.0)
    turned = Rotation.from_matrix(reference_from_input[:3, :3]).as_euler("xyz", degrees=True)
    return Registration(
        reference_from_input=reference_from_input,
        turned_deg=_three(turned),
        shifted_mm=_three(centre - input_from_reference @ centre),
        centre_mm=_three(centre),
        largest_shift_mm=float(np.linalg.norm(shifts[:, :3], axis=1).max()),
        residual_mm=float(np.linalg.norm(away[:, :3], axis=1).max()),
        mutual_information=_mutual_information(
            SimpleITK.GetArrayViewFromImage(fixed)[both],
            SimpleITK.GetArrayViewFromImage(resampled)[both],
        ),
        overlap=min(float(np.count_nonzero(both)) * voxel_mm3 / min(volumes), 1.0),
    )


def _matrix(transform: Any) -> Matrix:
    """4x4 of a transform about a centre."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    matrix[:3, 3] = np.array(transform.GetTranslation()) + centre - matrix[:3, :3] @ centre
    return matrix


def _places(image: Any, where: NDArray[np.bool_]) -> Matrix:
    """Of that part of the image in which it shows something: shape (n, 4), mm and a one.

    Of each row of voxels the two ends: a rigid movement is largest at the rim.
    """
    import SimpleITK

    shown = where & (SimpleITK.GetArrayViewFromImage(image) > _LEAST_GREY)
    shown = shown if shown.any() else np.ones_like(where)
    rows = np.argwhere(shown.any(axis=2))
    lines = shown[rows[:, 0], rows[:, 1]]
    first, last = lines.argmax(axis=1), lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1)
    kji = np.vstack([np.column_stack([rows, first]), np.column_stack([rows, last])])
    step = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    xyz = kji[:, ::-1] @ step.T + np.array(image.GetOrigin())
    return np.column_stack([xyz, np.ones(len(xyz))])


def _mutual_information(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Sum of the two entropies by that of both together."""
    if one.size < _LEAST_VOXELS:
        return 1.0
    joint, _, _ = np.histogram2d(one, other, bins=_BINS, range=((0, 1), (0, 1)))
    together = _entropy(joint)
    return 1.0 if together == 0 else (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / together


def _entropy(counts: NDArray[np.float64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return -float((share * np.log(share)).sum())


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(one) for one in values[:3])
    return x, y, z
