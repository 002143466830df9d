"""A heat map over an image is drawn where the image is, and stated where it is not."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.pipelines.single_images.notes import notes_of
from inference.results.single_images.pictures import draw_image
from storage.container import Storage
from tests.inference.films import bright_classifier, film
from tests.inference.single_images.awkward import SHUTTER
from tests.inference.single_images.support import analysed


def test_nothing_is_tinted_behind_the_shutter(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 4})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    # Parts of 80 by 60 pixels: those at the sides reach over the edge of the shutter, at 40.
    dataset = film("shutter", pixels=np.full((240, 320), 3000, np.uint16))
    for keyword, value in SHUTTER.items():
        setattr(dataset, keyword, value)
    (result,) = analysed(storage, dataset)
    drawn, _ = draw_image(dataset, result, [], "")
    picture = np.asarray(drawn).astype(int)
    scale = picture.shape[1] / 320
    row, behind, open_ = (round(scale * one) for one in (110, 20, 60))
    assert set(picture[row, behind]) == {0}
    red, green, _ = picture[row, open_]
    assert red > green


def test_a_multi_frame_image_gets_no_parametric_map_and_says_so(
    storage: Storage, tmp_path: Path
) -> None:
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 4})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    dataset = film("placed", FrameOfReferenceUID="1.2.3")
    (result,) = analysed(storage, dataset)
    assert notes_of([dataset], [result]) == ()
    frames = Dataset()
    frames.update(dataset)
    frames.PerFrameFunctionalGroupsSequence = [Dataset()]
    (note,) = notes_of([frames], [result])
    assert "becomes no Parametric Map" in note
