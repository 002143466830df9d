"""Two images, what is drawn on them, and what was saved of it."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests import builders
from tests.api.annotations.drawn import SPACING_MM
from tests.api.client import ApiNode, part10


@pytest.fixture
def images() -> list[Dataset]:
    return builders.series(
        np.zeros((3, 16, 20), np.int16), modality="CT", spacing_mm=(2.0, *SPACING_MM), seed=31
    )


@pytest.fixture
def study(api: ApiNode, images: list[Dataset]) -> str:
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    return f"/api/studies/{images[0].StudyInstanceUID}"
