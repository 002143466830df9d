"""Outlines on key slices: polygons around exactly the mask, and where another reader puts them."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.results.encode import encode_results
from inference.results.pictures.outlines import outlines
from tests import builders
from tests.inference.results_support import PIPELINE, complaints, job_for, output_of, save
from tests.services import tool

SHAPE = (12, 26, 18)
SPACING_MM = (3.0, 1.7, 0.9)


def filled(polygons: list[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centre lies inside, by the even-odd rule."""
    rows = np.arange(shape[0])[:, None] + 0.5
    columns = np.arange(shape[1])[None, :] + 0.5
    inside = np.zeros(shape, np.bool_)
    for polygon in polygons:
        for (x0, y0), (x1, y1) in pairwise(polygon):
            if y0 != y1:
                crosses = (rows > min(y0, y1)) & (rows < max(y0, y1))
                inside ^= crosses & (columns > x0 + (rows - y0) * (x1 - x0) / (y1 - y0))
    return inside


@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_polygons_enclose_the_mask_and_nothing_else(mask: NDArray[np.bool_]) -> None:
    found = outlines(mask)
    assert np.array_equal(filled(found, mask.shape), mask)
    for polygon in found:
        assert np.array_equal(polygon[0], polygon[-1])
        steps = np.diff(polygon, axis=0)
        # Along the edges of pixels, and no point that is no corner.
        assert ((steps == 0).sum(axis=1) == 1).all()
        assert ((steps[1:] == 0) != (steps[:-1] == 0)).all()


def series(**attributes: object) -> list[Dataset]:
    """Oblique, pixels not square, shuffled."""
    voxels = np.random.default_rng(11).integers(0, 900, SHAPE, dtype=np.int16)
    found = builders.series(
        voxels,
        spacing_mm=SPACING_MM,
        directions=builders.rotation(25, -15, 110),
        slope=2.0,
        intercept=-50.0,
        **attributes,
    )
    return [found[index] for index in np.random.default_rng(9).permutation(len(found))]


def masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """One without symmetry, and one with a hole."""
    ring = np.zeros(SHAPE, np.bool_)
    ring[7:10, 8:20, 4:15] = True
    ring[8, 11:16, 8:12] = False
    return builders.asymmetric_mask(SHAPE), ring


def states(datasets: list[Dataset]) -> tuple[list[Dataset], Volume]:
    volume = assemble_volume(datasets)
    made = encode_results(
        job_for(volume), PIPELINE, datasets, volume, output_of(volume, *masks()), {"GSPS"}
    )
    return [one.dataset for one in made.objects if one.kind == "GSPS"], volume


def told_by_dcmtk(state: Path, image: Path, drawn: Path, frame: int = 1) -> dict[str, list[str]]:
    """By layer: what DCMTK reads for one image, which it draws as well."""
    done = subprocess.run(
        [tool("dcmp2pgm", "dcmtk"), "-v", "-f", str(frame), "-p", str(state), str(image),
         str(drawn)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    stated: dict[str, list[str]] = {"": []}
    layer = ""
    for line in (done.stdout + done.stderr).splitlines():
        begins = re.search(r"Graphic Layer #\d+ \[(\w+)\]", line)
        layer = begins[1] if begins else layer
        stated.setdefault(layer, []).append(line.removeprefix("I:").strip())
    return stated


def polygons(lines: list[str]) -> list[NDArray[np.float64]]:
    return [
        np.array([point.split("\\") for point in line.split(":")[1].strip(" ,").split(", ")], float)
        for line in lines
        if line.startswith("coordinates:")
    ]


def test_dcmtk_finds_each_outline_where_the_mask_lies(tmp_path: Path) -> None:
    datasets = series()
    (state,), volume = states(datasets)
    path = save(state, tmp_path / "state.dcm")
    assert complaints(path) == []
    by_uid = {str(one.SOPInstanceUID): one for one in datasets}
    (referenced,) = state.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == volume.series_instance_uid
    seen = set()
    for reference in referenced.ReferencedImageSequence:
        source = by_uid[reference.ReferencedSOPInstanceUID]
        image = save(source, tmp_path / "image.dcm")
        output = told_by_dcmtk(path, image, tmp_path / "drawn.pgm")
        k = volume.sop_instance_uids.index(source.SOPInstanceUID)
        for number, mask in enumerate(masks(), start=1):
            found = polygons(output[f"SEGMENT_{number}"])
            assert np.array_equal(filled(found, SHAPE[1:]), mask[k])
            if not found:
                continue
            seen.add(number)
            # Where the middle of what is enclosed lies, by the image alone and by the volume.
            rows, columns = np.nonzero(filled(found, SHAPE[1:]))
            across = np.array(source.ImageOrientationPatient, float)
            row_mm, column_mm = map(float, source.PixelSpacing)
            middle = (
                np.array(source.ImagePositionPatient, float)
                + across[:3] * column_mm * columns.mean()
                + across[3:] * row_mm * rows.mean()
            )
            points = np.argwhere(mask[k]).mean(axis=0)
            expected = volume.lps_from_kji @ [k, *points, 1]
            np.testing.assert_allclose(middle, expected[:3], atol=1e-3)
        assert any("X=0.9mm Y=1.7 mm" in line for line in output[""])
        assert "research use only" in " ".join(output["NOTE"]).lower()
    assert seen == {1, 2}


def test_the_image_under_the_outlines_has_its_own_grey_values(tmp_path: Path) -> None:
    datasets = series()
    (state,), _ = states(datasets)
    uid = state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    (source,) = [one for one in datasets if one.SOPInstanceUID == uid]
    drawn = tmp_path / "drawn.pgm"
    told_by_dcmtk(save(state, tmp_path / "s.dcm"), save(source, tmp_path / "i.dcm"), drawn)
    pixels = np.frombuffer(drawn.read_bytes()[-SHAPE[1] * SHAPE[2] :], np.uint8)
    (voi,) = state.SoftcopyVOILUTSequence
    center, width = float(voi.WindowCenter), float(voi.WindowWidth)
    values = source.pixel_array.ravel() * 2.0 - 50.0
    # PS3.3 C.11.2.1.2.1
    expected = np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 1.5


@pytest.mark.slow
def test_slices_that_are_rescaled_apart_get_a_state_each(tmp_path: Path) -> None:
    datasets = series()
    for number, dataset in enumerate(datasets):
        dataset.RescaleSlope = f"{1 + number / 8:g}"
    made, _ = states(datasets)
    assert len(made) == 2
    by_uid = {str(one.SOPInstanceUID): one for one in datasets}
    for state in made:
        (image,) = state.ReferencedSeriesSequence[0].ReferencedImageSequence
        assert state.RescaleSlope == by_uid[image.ReferencedSOPInstanceUID].RescaleSlope
        assert complaints(save(state, tmp_path / "state.dcm")) == []
    assert len({one.SOPInstanceUID for one in made}) == 2
    assert len({one.SeriesInstanceUID for one in made}) == 1


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")]
)
def test_polarity_is_that_of_the_images(photometric: str, shape: str) -> None:
    (state,), _ = states(series(PhotometricInterpretation=photometric))
    assert state.PresentationLUTShape == shape


def test_of_a_multi_frame_instance_the_frames_are_named(tmp_path: Path) -> None:
    ordered = sorted(series(), key=lambda one: int(one.InstanceNumber))
    order = np.random.default_rng(5).permutation(len(ordered)).tolist()
    (state,), volume = states([builders.enhanced_mr(ordered, order)])
    assert complaints(save(state, tmp_path / "state.dcm")) == []
    (reference,) = state.ReferencedSeriesSequence[0].ReferencedImageSequence
    frames = [int(number) for number in reference.ReferencedFrameNumber]
    assert len(frames) == 2
    found: dict[tuple[int, str], list[NDArray[np.float64]]] = {}
    for annotation in state.GraphicAnnotationSequence:
        frame = int(annotation.ReferencedImageSequence[0].ReferencedFrameNumber)
        found[frame, annotation.GraphicLayer] = [
            np.array(one.GraphicData, float).reshape(-1, 2)
            for one in annotation.get("GraphicObjectSequence") or ()
        ]
    for frame in frames:
        k = volume.frame_numbers.index(frame)
        # The frames of the instance stand in another order than the slices.
        assert order[frame - 1] == k
        for number, mask in enumerate(masks(), start=1):
            drawn = filled(found.get((frame, f"SEGMENT_{number}"), []), SHAPE[1:])
            assert np.array_equal(drawn, mask[k])
