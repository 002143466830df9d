"""Films in a real container, one at a time: make containers."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from storage.container import Storage
from tests.containers.test_any_image import PAGE, added, image, pytestmark, storage
from tests.inference.containers.test_priors_of_images import (
    NAME,
    NEW,
    OLD,
    chest,
    decided,
    page_card,
    ran,
)
from tests.inference.films import SQUARE, film
from tests.inference.single_images.support import box_of, done

__all__ = ["image", "pytestmark", "storage"]


def test_each_film_is_a_run_of_its_own(storage: Storage, tmp_path: Path) -> None:
    (block,) = re.findall(r"```json films\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card = json.loads(block)
    card["container"]["image"] = "localhost/lesions:2.1"
    card["container"]["run"] |= {
        "command": ["/opt/venv/bin/python", "/app/mark_film.py"],
        "working_directory": "/tmp",
    }
    added(storage, tmp_path / "films", card)
    films = [film("real", 1), film("real", 2)]
    job = done(storage, *films, name="model-opacities")
    found = storage.findings.of_job(job.job_id)
    boxes = [one for one in found if one.label == "Opacity 1"]
    assert {one.image.sop_instance_uid for one in boxes if one.image} == {
        one.SOPInstanceUID for one in films
    }
    for one in boxes:
        assert box_of(one) == [SQUARE[2], SQUARE[0], SQUARE[3], SQUARE[1]]
    assert [one.value for one in found if one.label == "Files given"] == pytest.approx([1, 1])


def test_a_film_comes_with_that_of_the_earlier_study(storage: Storage, tmp_path: Path) -> None:
    card = page_card()
    card["container"]["image"] = "localhost/lesions:2.1"
    card["container"]["run"] |= {
        "command": ["/opt/venv/bin/python", "/app/mark_new.py"],
        "working_directory": "/tmp",
    }
    added(storage, tmp_path / "films", card)
    before, now = chest("before", "20241231", OLD), chest("now", "20251231", OLD, NEW)
    before.Rows, before.Columns, before.PixelData = now.Rows, now.Columns, _padded(before)
    job = ran(storage, decided(storage, before, now))
    assert (job.state, job.reason) == ("COMPLETED", "")
    (box,) = [one for one in storage.findings.of_job(job.job_id) if one.label == "Opacity 1"]
    top, bottom, left, right = NEW
    assert job.pipeline == NAME
    assert box_of(box) == [left, top, right, bottom]


def _padded(image: Dataset) -> bytes:
    """Of the size of the newer one."""
    pixels = np.full((240, 320), 200, np.uint16)
    pixels[: image.Rows, : image.Columns] = image.pixel_array
    return pixels.tobytes()
