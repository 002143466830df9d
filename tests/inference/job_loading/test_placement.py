"""Inputs that the card wants registered: what the model is given, and what the result says."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.registration.input_registration import (
    Registration,
    RegistrationLimits,
    register,
)
from inference.imaging.volume import Volume, assemble_volume
from inference.job_loading import placement
from inference.job_loading.placement import place_inputs
from inference.model_registry.adding import add_model
from inference.pipeline import NamedInput
from inference.refusals import VolumeRefused
from storage.container import Storage
from tests import builders
from tests.inference.imaging.registration import drawn_head
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save
from tests.inference.scheduling.four_sequences import (
    SEQUENCES,
    SPACE,
    STUDY,
    card,
    centres,
    decided,
    done,
    model,
)

FOUND = Registration(np.eye(4), (0, 0, 2), (1, 0, 0), (0, 0, 0), 3.0, 0.5, 1.3, 0.9)


def placed(
    monkeypatch: pytest.MonkeyPatch, *, required: bool, **changes: float
) -> placement.Placement:
    good: Any = FOUND
    found: Registration = replace(good, **changes)
    monkeypatch.setattr(placement, "register", lambda _volume, _reference: found)
    voxels = np.zeros((4, 6, 6), np.int16)
    volumes = {
        name: assemble_volume(builders.series(voxels, FrameOfReferenceUID=f"2.25.{number}"))
        for number, name in enumerate(("ct", "pet"), start=1)
    }
    pipeline: Any = SimpleNamespace(
        inputs=(NamedInput("ct", "CT"), NamedInput("pet", "PET", required, "rigid")),
        reference="ct",
        registration_limits=RegistrationLimits(1.0, 4.0),
    )
    return place_inputs(pipeline, volumes, lambda _share: None)


def test_a_good_registration_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = placed(monkeypatch, required=True)
    assert found.texts == {
        "pet": "registered to it (rigid: shifted by 1.0, 0.0, 0.0 mm, turned by 0.0, 0.0, 2.0"
        " degrees about x, y, z; residual 0.5 mm)"
    }
    assert found.caveats == ()
    assert found.volumes["pet"].frame_of_reference_uid == "2.25.1"
    assert found.parameters == ("reference_from_pet=1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",)
    stated = found.stated("pet", "2.25.2")
    assert stated["registration"]["residual_mm"] == 0.5
    assert "registration" not in found.stated("ct", "2.25.1")


def test_a_doubtful_one_is_a_caveat(monkeypatch: pytest.MonkeyPatch) -> None:
    (caveat,) = placed(monkeypatch, required=True, residual_mm=2.5).caveats
    assert caveat.kind == "registered_with_residual"
    assert caveat.text == (
        "Registered with a residual of 2.5 mm: PET to CT (the card is content with 1 mm)."
    )


def test_a_bad_one_refuses_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VolumeRefused) as refused:
        placed(monkeypatch, required=True, residual_mm=7.25)
    assert refused.value.message == (
        "PET could not be registered to CT: the residual is 7.2 mm (the card takes up to 4 mm)."
    )
    found = placed(monkeypatch, required=False, residual_mm=7.25)
    assert set(found.volumes) == {"ct"}
    assert found.texts["pet"].startswith("refused (not registered: the residual is 7.2 mm")
    assert found.parameters == ()
    assert found.stated("pet", "2.25.2")["refused"].startswith("not registered")
    assert found.stated("pet", "2.25.2")["registration"]["residual_mm"] == 7.25


# Where the head lay in each sequence; FLAIR was made another day, in a space of its own.
LAY = {
    "t1": drawn_head.moved((2, -1, 3), (1.5, -2, 3)),
    "t1c": np.eye(4),
    "t2": drawn_head.moved((-3, 2, 4), (4, 3, -5)),
    "flair": drawn_head.moved((6, -4, -8), (-6, 8, 17)),
}
GRIDS: dict[str, dict[str, Any]] = {
    "t1": {"shape": (44, 90, 80), "spacing_mm": (4.2, 2.4, 2.4), "origin_mm": (-94, -106, -90)},
    "t1c": {"shape": (56, 96, 80), "spacing_mm": (3.4, 2.2, 2.2), "origin_mm": (-86, -104, -93)},
    "t2": {
        "shape": (42, 110, 90), "spacing_mm": (4.5, 2.0, 2.0), "origin_mm": (-90, -112, -88),
        "directions": builders.rotation(6, -4, 3),
    },
    "flair": {
        "shape": (62, 80, 72), "spacing_mm": (3.0, 2.6, 2.6), "origin_mm": (-88, -100, -96),
        "directions": builders.rotation(-5, 3, -6),
    },
}  # fmt: skip


def head(kind: str, number: int) -> list[Dataset]:
    grid = dict(GRIDS[kind])
    shape = grid.pop("shape")
    stated = {
        **grid, "StudyInstanceUID": STUDY, "SeriesNumber": number, "MRAcquisitionType": "2D",
        "FrameOfReferenceUID": "2.25.773" if kind == "flair" else SPACE,
        "SeriesInstanceUID": f"2.25.8{number}", "PositionReferenceIndicator": "", **SEQUENCES[kind],
    }  # fmt: skip
    affine = assemble_volume(builders.series(np.zeros(shape, np.int16), **stated)).lps_from_kji
    return builders.series(
        drawn_head.drawn(kind, shape, affine, LAY[kind], number), seed=number, **stated
    )


def image_of(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(volume.voxels)
    columns = volume.lps_from_kji[:3, [2, 1, 0]]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((columns / spacing).ravel().tolist())
    image.SetOrigin(volume.lps_from_kji[:3, 3].tolist())
    return image


def by_simpleitk(volume: Volume, reference: Volume) -> NDArray[np.float64]:
    """4x4 by a plain call of SimpleITK, as its examples have it: from the input's space."""
    fixed, moving = image_of(reference), image_of(volume)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.1, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsGradientDescent(
        learningRate=1.0, numberOfIterations=100, convergenceWindowSize=10
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    found = sitk.Euler3DTransform(start)
    method.SetInitialTransform(found, inPlace=True)
    method.Execute(fixed, moving)
    matrix = np.eye(4)
    for column, place in enumerate(np.vstack([np.eye(3), np.zeros(3)])):
        matrix[:3, column] = found.TransformPoint(place.tolist())
    matrix[:3, :3] -= matrix[:3, 3:]
    return np.asarray(np.linalg.inv(matrix), np.float64)


CORNERS = np.array([(*side, 1) for side in np.array(list(np.ndindex(2, 2, 2))) * 120.0 - 60.0])


def error_mm(reference_from_input: NDArray[np.float64], kind: str) -> float:
    """Against the truth, the largest at the corners of a box of 12 cm in the head."""
    apart = CORNERS @ (reference_from_input @ LAY[kind] - np.eye(4)).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.mark.slow
def test_a_head_that_moved_between_four_sequences_gives_one_result(
    storage: Storage, tmp_path: Path
) -> None:
    inputs = card()["inputs"]
    for kind in ("t1", "t2", "flair"):
        inputs[kind]["registration"] = "rigid"
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        model(tmp_path / "m", inputs=inputs, results_on="each"),
        "petra",
    )
    four = {kind: head(kind, number) for number, kind in enumerate(SEQUENCES, start=2)}
    found = decided(storage, *four.values())
    assert all(one.accepted for one in found.values())
    job = done(storage, found[3])
    volumes = {kind: assemble_volume(one) for kind, one in four.items()}
    stated = {one["role"]: one.get("registration") for one in job.result["inputs"]}
    assert stated.pop("t1c") is None
    print(f"{'':6}{'ours':>8}{'SimpleITK':>10}{'residual':>9}  mm, of a shift of up to")
    for kind, one in stated.items():
        assert one is not None
        ours = error_mm(np.array(one["reference_from_input"]), kind)
        theirs = error_mm(by_simpleitk(volumes[kind], volumes["t1c"]), kind)
        print(
            f"{kind:6}{ours:8.2f}{theirs:10.2f}{one['residual_mm']:9.2f}"
            f"  {one['largest_shift_mm']:.1f}"
        )
        # Below a voxel, and no worse than the plain call.
        assert ours < 2.0
        assert ours < theirs + 0.5
    again = register(volumes["t1"], volumes["t1c"])
    first = stated["t1"]
    assert first is not None
    assert np.round(again.reference_from_input, 9).tolist() == first["reference_from_input"]
    (note,) = [one for one in job.result["notes"] if "T1C is the reference" in one]
    assert "FLAIR registered to it (rigid: shifted by" in note
    made = [one["sop_instance_uid"] for one in job.result["instances"]]
    datasets = [
        pydicom.dcmread(io.BytesIO(storage.instances.read(storage.index.instance(uid))))
        for uid in made
    ]
    for dataset in datasets:
        assert complaints(save(dataset, tmp_path / "x.dcm")) == []
    (report,) = (one for one in datasets if one.Modality == "SR")
    stated_in_sr = [str(item.value) for item in report.iterall() if item.keyword == "TextValue"]
    assert any("FLAIR registered to it (rigid" in text for text in stated_in_sr)
    (matrix,) = {text for text in stated_in_sr if text.startswith("reference_from_flair=")}
    np.testing.assert_allclose(
        [float(one) for one in matrix.partition("=")[2].split()],
        np.ravel(stated["flair"]["reference_from_input"] if stated["flair"] else []),
        rtol=1e-5,
        atol=1e-5,
    )
    # Each sequence has the mask on its own grid and in its own space.
    found_in = {
        str(one.ReferencedSeriesSequence[0].SeriesInstanceUID): one
        for one in datasets
        if one.Modality == "SEG"
    }
    tracked = set()
    for kind, one_volume in volumes.items():
        seg = found_in[one_volume.series_instance_uid]
        assert seg.FrameOfReferenceUID == four[kind][0].FrameOfReferenceUID
        tracked.add(str(seg.SegmentSequence[0].TrackingUID))
        normal = np.cross(*np.reshape(four[kind][0].ImageOrientationPatient, (2, 3)).astype(float))
        heights = [
            float(np.dot(normal, one.PlanePositionSequence[0].ImagePositionPatient))
            for one in seg.PerFrameFunctionalGroupsSequence
        ]
        mask = seg.pixel_array.astype(bool)[np.argsort(heights)]
        back = np.linalg.inv(LAY[kind])
        places = centres(one_volume.voxels.shape, back @ one_volume.lps_from_kji)
        truth = drawn_head.is_lesion(places)
        dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
        print(f"{kind:6}{dice:8.3f} Dice on its own grid")
        assert dice > 0.9
    assert len(tracked) == 1
