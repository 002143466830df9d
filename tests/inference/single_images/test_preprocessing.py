"""What a network is shown of a film: against values by hand, pydicom and SimpleITK."""

import itertools
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from inference.language.pictures import picture_of
from inference.single_images.card import Preprocessing
from inference.single_images.placement import Orientation, Placement
from inference.single_images.preprocessing import normalized, orientation_of, prepare
from inference.single_images.refusals import ImageRefused
from storage.core.errors import LimitExceeded
from storage.pixels import processes
from tests.inference.films import film, ultrasound

RNG = np.random.default_rng(5)


def card(**stated: Any) -> Preprocessing:
    return Preprocessing.model_validate({"channels": 1, **stated})


def seen(dataset: Dataset, **stated: Any) -> NDArray[np.float32]:
    return prepare(dataset, 0, card(**stated)).seen[..., 0]


def noise(rows: int = 24, columns: int = 36) -> NDArray[np.uint16]:
    return RNG.integers(0, 4096, (rows, columns)).astype(np.uint16)


def test_a_window_is_that_of_pydicom() -> None:
    pixels = noise()
    dataset = film(
        "w", pixels=pixels, WindowCenter=1500, WindowWidth=900, RescaleSlope=2, RescaleIntercept=-10
    )
    stated = apply_voi_lut(apply_modality_lut(pixels, dataset), dataset)
    # pydicom's window runs over the range that the modality look-up can give.
    low, high = stated.min(), stated.max()
    np.testing.assert_allclose(seen(dataset), (stated - low) / (high - low), atol=1e-5)


def test_monochrome1_is_turned_so_that_dense_is_white() -> None:
    pixels = noise()
    film2 = film("m2", pixels=pixels)
    film1 = film(
        "m1", pixels=4095 - pixels, PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE", WindowCenter=2048, WindowWidth=4096,
    )  # fmt: skip
    np.testing.assert_allclose(seen(film1), seen(film2), atol=1e-3)
    # Also under a window of the card's own, which is in units of the modality.
    window = {"grey": {"values": [1000, 3000]}}
    mirrored = {"grey": {"values": [1095, 3095]}}
    np.testing.assert_allclose(seen(film1, **mirrored), seen(film2, **window), atol=1e-5)


def test_a_fixed_window_is_as_computed_by_hand() -> None:
    pixels = np.array([[0, 100, 200], [300, 400, 500]], np.uint16)
    dataset = film("f", pixels=pixels, RescaleSlope=2, RescaleIntercept=-100)
    # Values are -100, 100, 300 / 500, 700, 900; from 100 to 500 become 0 to 1.
    expected = [[0, 0, 0.5], [1, 1, 1]]
    np.testing.assert_allclose(seen(dataset, grey={"values": [100, 500]}), expected, atol=1e-6)


def test_a_voi_table_is_looked_up() -> None:
    pixels = np.array([[0, 1, 2, 3]], np.uint16)
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4, 0, 8], [0, 51, 204, 255]
    dataset = film("t", pixels=pixels, VOILUTSequence=[table], BitsStored=12)
    np.testing.assert_allclose(seen(dataset), [[0, 0.2, 0.8, 1.0]], atol=1e-6)


def test_padding_and_shutter_are_black_and_can_be_cut_off() -> None:
    pixels = np.full((20, 30), 4000, np.uint16)
    pixels[:, :4] = 0
    dataset = film(
        "p", pixels=pixels, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1",
        ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=1, ShutterRightVerticalEdge=28,
        ShutterUpperHorizontalEdge=3, ShutterLowerHorizontalEdge=20, PresentationLUTShape="INVERSE",
        WindowCenter=4000, WindowWidth=2000,
    )  # fmt: skip
    whole = seen(dataset)
    assert whole.shape == (20, 30)
    # Padding of 0 would be white in MONOCHROME1.
    assert (whole[:, :4] == 0).all()
    assert (whole[:2] == 0).all()
    assert (whole[:, 28:] == 0).all()
    inside = whole[2:, 4:28]
    assert (inside > 0.4).all()
    np.testing.assert_array_equal(seen(dataset, crop="covered"), inside)
    unshuttered = seen(dataset, shutters="ignore", crop="covered")
    assert unshuttered.shape == (20, 26)


@pytest.mark.parametrize("shape", ["CIRCULAR", "POLYGONAL"])
def test_round_and_polygonal_shutters(shape: str) -> None:
    dataset = film(
        "s", pixels=np.full((41, 41), 4000, np.uint16), ShutterShape=shape,
        CenterOfCircularShutter=[21, 21], RadiusOfCircularShutter=10,
        VerticesOfThePolygonalShutter=[11, 21, 21, 31, 31, 21, 21, 11],
    )  # fmt: skip
    row, column = np.mgrid[1:42, 1:42]
    if shape == "CIRCULAR":
        expected = (row - 21) ** 2 + (column - 21) ** 2 <= 100
    else:
        expected = np.abs(row - 21) + np.abs(column - 21) <= 10
    found = seen(dataset) > 0
    # A polygon's slanting edge may be drawn half a pixel off.
    edge = 0 if shape == "CIRCULAR" else 45
    assert np.count_nonzero(found != expected) <= edge
    assert found[20, 20]
    assert not found[0, 0]


def test_resizing_is_that_of_simpleitk_where_it_enlarges() -> None:
    pixels = noise(15, 20)
    dataset = film("r", pixels=pixels)
    found = seen(dataset, grey={"values": [0, 4095]}, resize={"size": [45, 60]})
    image = sitk.GetImageFromArray(pixels.astype(np.float32) / 4095)
    reference = sitk.Image(60, 45, sitk.sitkFloat32)
    reference.SetSpacing((1 / 3, 1 / 3))
    reference.SetOrigin((-1 / 3, -1 / 3))
    expected = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform()))
    inside = np.s_[1:-1, 1:-1]  # SimpleITK gives nothing beyond the centres of the outer pixels
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-5)


def test_pixels_that_are_not_square_keep_their_proportions() -> None:
    # 40 rows 0.4 mm apart and 80 columns 0.1 mm apart: 16 mm high, 8 mm wide.
    dataset = film("a", pixels=noise(40, 80), ImagerPixelSpacing=[0.4, 0.1])
    given = prepare(dataset, 0, card(resize={"size": [64, 64], "fit": "pad"}))
    assert given.placement.resized == (64, 32)
    assert given.placement.offset == (0, 16)
    assert (given.seen[:, :16] == 0).all()
    assert (given.seen[:, 48:] == 0).all()
    cut = prepare(dataset, 0, card(resize={"size": [64, 64], "fit": "crop"}))
    assert cut.placement.resized == (128, 64)
    shortest = prepare(dataset, 0, card(resize={"shortest_edge": 32, "longest_edge": 48}))
    assert shortest.placement.grid == (48, 24)


@pytest.mark.parametrize(
    ("stated", "turned"),
    [
        (["L", "F"], Orientation()),
        (["R", "F"], Orientation(columns_reversed=True)),
        (["L", "H"], Orientation(rows_reversed=True)),
        (["R", "H"], Orientation(rows_reversed=True, columns_reversed=True)),
        (["F", "L"], Orientation(transposed=True)),
        (["F", "R"], Orientation(transposed=True, columns_reversed=True)),
        (["H", "L"], Orientation(transposed=True, rows_reversed=True)),
        (["LA", "FP"], Orientation()),
    ],
)
def test_a_film_is_turned_upright(stated: list[str], turned: Orientation) -> None:
    dataset = film("o", PatientOrientation=stated)
    assert orientation_of(dataset, ("L", "F")) == turned
    # Up from the feet, rows to the left: as the letters of the turned image say.
    upright = noise(6, 9)
    as_sent = turned.undone(upright.astype(np.float32))
    np.testing.assert_array_equal(turned.applied(as_sent), upright)


@pytest.mark.parametrize("stated", [None, ["A", "F"], ["L"]])
def test_an_orientation_that_is_missing_or_of_another_plane_is_refused(stated: Any) -> None:
    dataset = film("x", PatientOrientation=stated)
    with pytest.raises(ImageRefused, match="L/F"):
        orientation_of(dataset, ("L", "F"))


def test_a_point_of_the_grid_is_where_it_was_in_the_film() -> None:
    """Each pixel of an image carries its own column and row; what the grid shows says where."""
    rows, columns = 24, 40
    row, column = np.mgrid[0:rows, 0:columns].astype(np.float32) + 0.5
    image = np.stack([column, row], axis=-1)
    for flags in itertools.product((False, True), repeat=3):
        orientation = Orientation(*flags)
        turned = (32, 16) if flags[0] else (16, 32)
        placement = Placement(
            (rows, columns), (4, 6, 16, 32), orientation, (turned[0] * 2, turned[1] * 2), (3, -5),
            (50, 40),
        )  # fmt: skip
        grid = placement.onto_model(image, np.ones((rows, columns), bool))
        top, left, bottom, right = placement.window
        # Away from borders, where interpolation has neighbours.
        y, x = np.mgrid[top + 3 : bottom - 3, left + 3 : right - 3]
        points = np.column_stack([x.ravel() + 0.5, y.ravel() + 0.5])
        stated = grid[y.ravel(), x.ravel()]
        np.testing.assert_allclose(placement.points(points), stated, atol=1e-3)


def test_a_plane_of_the_grid_lies_where_the_film_was() -> None:
    rows, columns = 24, 40
    mask = np.zeros((rows, columns), np.float32)
    mask[8:14, 10:22] = 1
    mask[8:10, 10:30] = 1
    for flags in itertools.product((False, True), repeat=3):
        orientation = Orientation(*flags)
        shape = (64, 32) if flags[0] else (32, 64)
        placement = Placement((rows, columns), (4, 6, 16, 32), orientation, shape, (2, 3), (70, 70))
        grid = placement.onto_model(mask[..., None], np.ones(mask.shape, bool))[..., 0]
        back = placement.onto_source(grid, outside=-1.0)
        np.testing.assert_array_equal(back >= 0.5, mask >= 0.5)
        assert (back[:4] == -1).all()
        assert (back[:, :6] == -1).all()


def test_colour_becomes_grey_by_its_luminance_and_grey_becomes_colour() -> None:
    colour = np.zeros((8, 12, 3), np.uint8)
    colour[...] = (200, 100, 50)
    dataset = ultrasound("c", colour[..., 0])
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation, dataset.PixelData = "RGB", colour.tobytes()
    grey = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    np.testing.assert_allclose(seen(dataset), grey, atol=1e-5)
    three = prepare(dataset, 0, card(channels=3)).seen
    np.testing.assert_allclose(three[0, 0], np.array([200, 100, 50]) / 255, atol=1e-6)
    values = normalized(three, card(channels=3, mean=[0.5, 0.4, 0.3], std=[0.5, 0.2, 0.1]))
    expected = (np.array([200, 100, 50]) / 255 - [0.5, 0.4, 0.3]) / [0.5, 0.2, 0.1]
    np.testing.assert_allclose(values[:, 0, 0], expected, atol=1e-5)


def test_a_film_beyond_the_pixel_budget_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = processes.DecodingLimits(max_frame_pixels=10_000)
    monkeypatch.setattr(processes._state, "limits", limits)
    with pytest.raises(LimitExceeded, match="320 × 240"):
        prepare(film("big"), 0, card())


def test_pixels_that_end_early_are_refused_in_words() -> None:
    dataset = film("short")
    dataset.PixelData = dataset.PixelData[:1000]
    with pytest.raises(ImageRefused, match="cannot be decoded"):
        prepare(dataset, 0, card())


def test_a_question_about_a_film_is_asked_with_its_padding_black() -> None:
    """Padding of 0 in MONOCHROME1 would be as white as bone, and take the window along."""
    pixels = RNG.integers(2000, 2200, (40, 60)).astype(np.uint16)
    pixels[:, :20] = 0
    dataset = film(
        "asked", pixels=pixels, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE", WindowCenter=None, WindowWidth=None,
    )  # fmt: skip
    shown = np.asarray(picture_of(dataset, 0).convert("L"))
    assert (shown[:, :20] == 0).all()
    inside = shown[:, 20:]
    assert inside.max() - inside.min() > 200
    assert np.corrcoef(inside.ravel(), pixels[:, 20:].ravel())[0, 1] < -0.99


def test_each_frame_is_turned_as_it_states_by_itself_or_as_all_of_them() -> None:
    """An enhanced angiogram states no Patient Orientation of the image (PS3.3 A.47)."""
    upright = RNG.integers(0, 256, (2, 24, 36)).astype(np.uint8)
    frames = np.stack([upright[0], upright[1, ::-1, ::-1]])
    dataset = ultrasound("enhanced", frames, Modality="XA")
    del dataset.PatientOrientation
    with pytest.raises(ImageRefused, match="does not state its Patient Orientation"):
        prepare(dataset, 0, card(orientation=["L", "F"]))
    dataset.SharedFunctionalGroupsSequence = [oriented(["L", "F"])]
    dataset.PerFrameFunctionalGroupsSequence = [Dataset(), oriented(["R", "H"])]
    for index in (0, 1):
        shown = prepare(dataset, index, card(orientation=["L", "F"])).seen[..., 0]
        np.testing.assert_allclose(shown, upright[index] / 255, atol=1e-6)


def oriented(stated: list[str]) -> Dataset:
    group, item = Dataset(), Dataset()
    item.PatientOrientation = stated
    group.PatientOrientationInFrameSequence = [item]
    return group
