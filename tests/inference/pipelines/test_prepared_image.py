"""What does not depend on clicks is done once; a step that may look at them always sees them."""

from typing import Any

import numpy as np
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import ScaleIntensityd
from monai.transforms.transform import MapTransform

from inference.bundles.prepared_image import PreparedImage


class VistaPreTransformd(MapTransform):
    """As that of MONAI's application of the same name: no word of clicks in its own."""

    def __call__(self, data: Any) -> Any:
        return {**data, "seen": list(data.get("points", ()))}


def test_a_step_of_an_application_sees_the_points_of_each_click() -> None:
    loaded = 0

    def images() -> dict[str, Any]:
        nonlocal loaded
        loaded += 1
        return {"image": np.arange(8.0).reshape(1, 2, 2, 2)}

    steps = Compose([ScaleIntensityd(keys="image"), VistaPreTransformd(keys="image")])
    prepared = PreparedImage()
    for points in ([(1, 1, 1)], [(1, 1, 1), (0, 0, 1)]):
        found = prepared.with_prompts(steps, images, {"points": points})
        assert found["seen"] == points
        assert float(found["image"].max()) == 1.0
    assert loaded == 1
