"""Display shutters (PS3.3 C.7.6.11) in pictures: what they hide is in no window."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from api.dicomweb.rendering.picture import make_picture
from api.dicomweb.rendering.render_options import parse_options
from tests.inference.films import film

RECTANGLE = {
    "ShutterLeftVerticalEdge": 41,
    "ShutterRightVerticalEdge": 280,
    "ShutterUpperHorizontalEdge": 21,
    "ShutterLowerHorizontalEdge": 200,
}
CIRCLE = {"CenterOfCircularShutter": [100, 120], "RadiusOfCircularShutter": 50}
POLYGON = {"VerticesOfThePolygonalShutter": [1, 1, 1, 320, 240, 1]}


def shuttered(shape: Any, **attributes: Any) -> Dataset:
    """A film whose every value outside of any shutter is as bright as it gets, without a window."""
    pixels = np.full((240, 320), 4095, np.uint16)
    pixels[60:110, 90:140] = np.linspace(500, 900, 50)
    shutter = {"ShutterShape": shape} if shape else {}
    dataset = film("shuttered", pixels=pixels, **shutter, **attributes)
    del dataset.WindowCenter, dataset.WindowWidth
    return dataset


def drawn(dataset: Dataset, index: int = 0, **query: str) -> NDArray[np.uint8]:
    options = parse_options(query, "image/png")
    picture = make_picture(dataset.pixel_array, dataset, index, options)
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("shape", "attributes", "shown", "hidden"),
    [
        ("RECTANGULAR", RECTANGLE, [(20, 40), (199, 279)], [(19, 40), (20, 39), (200, 279)]),
        ("CIRCULAR", CIRCLE, [(99, 119), (99, 169)], [(99, 170), (148, 148), (0, 0)]),
        ("POLYGONAL", POLYGON, [(10, 10), (0, 300)], [(230, 300), (200, 100)]),
        (["RECTANGULAR", "CIRCULAR"], RECTANGLE | CIRCLE, [(99, 119)], [(20, 40), (10, 119)]),
    ],
    ids=str,
)
def test_what_is_outside_is_black(
    shape: Any,
    attributes: dict[str, Any],
    shown: list[tuple[int, int]],
    hidden: list[tuple[int, int]],
) -> None:
    picture = drawn(shuttered(shape, **attributes))
    assert all(picture[at] == 255 for at in shown if at != (99, 119))
    assert [int(picture[at]) for at in hidden] == [0] * len(hidden)


def test_what_is_outside_widens_no_window_and_has_the_grey_that_is_stated() -> None:
    edges = dict(zip(RECTANGLE, (91, 140, 61, 110), strict=True))
    picture = drawn(shuttered("RECTANGULAR", **edges, ShutterPresentationValue=32768))
    inside = picture[60:110, 90:140]
    assert (inside.min(), inside.max()) == (0, 255)
    assert set(picture[:60].ravel()) == {128}
    # Black is black of what shows its least value white, too.
    turned = shuttered("RECTANGULAR", **edges, PhotometricInterpretation="MONOCHROME1")
    assert drawn(turned)[0, 0] == 0
    # Mirrored and scaled, it lies where the image lies.
    mirrored = drawn(turned, viewport="160,120,0,0,-320,240")
    assert mirrored.shape == (120, 160)
    assert mirrored[45, 160 - 60] > 0
    assert mirrored[45, 60] == 0


def test_a_frame_has_its_own_and_one_that_hides_all_or_cannot_be_read_hides_nothing() -> None:
    dataset = shuttered("")
    own, shared = Dataset(), Dataset()
    for group, edges in ((own, (91, 140, 61, 110)), (shared, (81, 120, 51, 90))):
        item = Dataset()
        item.ShutterShape = "RECTANGULAR"
        for keyword, value in zip(RECTANGLE, edges, strict=True):
            setattr(item, keyword, value)
        group.FrameDisplayShutterSequence = [item]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [Dataset(), own]
    first, second = drawn(dataset), drawn(dataset, 1)
    assert (first[55, 85], first[100, 300]) == (255, 0)
    assert (second[55, 85], second[80, 139]) == (0, 255)
    for attributes in ({"CenterOfCircularShutter": [9000, 9000], "RadiusOfCircularShutter": 5}, {}):
        assert drawn(shuttered("CIRCULAR", **attributes))[0, 0] == 255
