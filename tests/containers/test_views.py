"""Several images at once and a cine in a real container: make containers."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from storage.container import Storage
from tests.containers.test_any_image import PAGE, added, image, pytestmark, storage
from tests.inference.containers.test_image_sets import NAME, PLACES, cine, cine_card, done, four
from tests.inference.containers.test_single_images import CARD, bright
from tests.inference.single_images import support
from tests.inference.single_images.support import box_of

__all__ = ["image", "pytestmark", "storage"]
_RUN = {
    "version": "1.0",
    "command": ["/opt/venv/bin/python", "/app/mark_views.py"],
    "working_directory": "/tmp",
}
_MARKING = {
    **_RUN,
    "command": ["/opt/venv/bin/python", "/app/mark_images.py"],
    "input_format": "nifti",
}


def in_container(card: dict[str, Any], name: str) -> dict[str, Any]:
    changed = {"image": "localhost/lesions:2.1", "name": name, "run": _RUN}
    return {**card, "container": {**card["container"], **changed}}


def test_four_views_are_one_run_and_each_gets_its_own_box(storage: Storage, tmp_path: Path) -> None:
    (block,) = re.findall(r"```json image-set\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    added(storage, tmp_path / "views", in_container(json.loads(block), "Opacities"))
    views = four()
    job = done(storage, *views)
    kinds = {
        one.SOPInstanceUID: f"{one.ImageLaterality}{one.ViewPosition}".lower() for one in views
    }
    found = storage.findings.of_job(job.job_id)
    boxes = {
        kinds[one.image.sop_instance_uid]: box_of(one)
        for one in found
        if one.label == "Opacity 1" and one.image is not None
    }
    assert boxes == {kind: list(place) for kind, place in PLACES.items()}
    (about_all,) = [one for one in found if one.label == "Suspicious"]
    assert about_all.image is None
    assert about_all.confidence == 0.25


def test_a_cine_gets_a_box_in_each_frame(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "cine", in_container(cine_card(), "Opacities"))
    job = support.done(storage, cine(), name=NAME)
    boxes = {
        one.image.frame_number: box_of(one)
        for one in storage.findings.of_job(job.job_id)
        if one.label.startswith("Opacity ") and one.image is not None
    }
    assert boxes == {
        number: np.array([4 * number - 4, 6, 4 * number + 4, 14]).tolist() for number in range(1, 6)
    }


def test_four_views_as_nifti_get_a_mask_each(storage: Storage, tmp_path: Path) -> None:
    (block,) = re.findall(r"```json image-set\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card = {**json.loads(block), "segments": CARD["segments"]}
    card["container"]["run"] = _MARKING
    added(storage, tmp_path / "views", _named(card))
    views = {one.SOPInstanceUID: one for one in four()}
    job = done(storage, *views.values())
    masks = support.objects(storage, job, "SEG")
    assert len(masks) == len(views)
    for mask in masks:
        source = mask.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        uid = source.SourceImageSequence[0].ReferencedSOPInstanceUID
        np.testing.assert_array_equal(np.squeeze(mask.pixel_array) > 0, bright(views[uid]))


def test_a_cine_as_nifti_gets_a_mask_of_each_frame(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "cine", _named(cine_card(run=_MARKING)))
    dataset = cine()
    job = support.done(storage, dataset, name=NAME)
    (mask,) = support.objects(storage, job, "SEG")
    np.testing.assert_array_equal(mask.pixel_array > 0, dataset.pixel_array > 200)


def _named(card: dict[str, Any]) -> dict[str, Any]:
    changed = {"image": "localhost/lesions:2.1", "name": "Opacities"}
    return {**card, "container": {**card["container"], **changed}}
