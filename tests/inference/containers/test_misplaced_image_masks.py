"""Masks of images that do not fit them: each is refused by the name of its file."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from inference.containers.images.results import ImageOutputReader
from inference.pipeline import Segment
from inference.refusals import ModelUnusable
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.containers.test_image_masks import Writer, Writing, card, lopsided
from tests.inference.containers.test_image_sets import NAME, added, cine
from tests.inference.containers.test_single_images import node
from tests.inference.results_support import BRAIN, STRUCTURE
from tests.inference.single_images.support import decided

__all__ = ["node"]


def _picture(pixels: NDArray[Any], name: str = "mask.png", **options: Any) -> Writing:
    def writing(_: Path, written: Path) -> None:
        Image.fromarray(pixels).save(written / name, **options)

    return writing


def _turned_by_exif(_: Path, written: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.ones((240, 320), np.uint8)).save(written / "mask.png", exif=exif)


def _nifti(pixels: NDArray[Any], affine: NDArray[Any]) -> Writing:
    def writing(_: Path, written: Path) -> None:
        nibabel.save(nibabel.Nifti1Image(pixels, affine), written / "found.nii.gz")

    return writing


_WHOLE = np.ones((320, 240, 1), np.uint8)


@pytest.mark.parametrize(
    ("writing", "says"),
    [
        (_picture(np.ones((320, 240), np.uint8)), "has 240 × 320 pixels; the image has 320 × 240"),
        (_picture(np.ones((240, 320, 3), np.uint8)), "mask.png of the container cannot be used"),
        (_picture(np.ones((240, 320), np.uint8), "00002.png"), "is of frame 2; the image has 1"),
        (_turned_by_exif, "to be turned"),
        (lambda _, to: (to / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\nno"), "cannot be read"),
        # Rows and columns lead as nibabel has it unless somebody says otherwise: a flipped image.
        (_nifti(_WHOLE, np.diag([0.2, 0.3, 1, 1])), "lies elsewhere than the image"),
        (_nifti(_WHOLE, np.diag([-1.0, -1, 1, 1])), "lies elsewhere than the image"),
        (
            _nifti(_WHOLE.transpose(1, 0, 2), np.diag([-0.2, -0.3, 1, 1])),
            "has 240 × 320 × 1 voxels; the image has 320 × 240 × 1",
        ),
        (_nifti(np.ones((320, 240, 1, 2), np.uint8), np.diag([-0.2, -0.3, 1, 1])), "has 4 axes"),
    ],
)  # fmt: skip
def test_a_mask_that_does_not_fit_the_image_is_refused_by_name(
    tmp_path: Path, writing: Writing, says: str
) -> None:
    assert says in refusal({"": lopsided()}, writing, tmp_path)


@pytest.mark.parametrize("spacing", [(0.2, 0.3), (1.0, 1.0)])
def test_values_that_are_no_labels_are_named_on_whichever_grid_they_lie(
    tmp_path: Path, spacing: tuple[float, float]
) -> None:
    """To a container that is given pixels, both are right: millimetres, and pixels 1 apart."""
    writing = _nifti(0.5 * _WHOLE, np.diag([-spacing[0], -spacing[1], 1, 1]))
    says = refusal({"": lopsided()}, writing, tmp_path, as_pixels=True)
    assert says == "found.nii.gz of the container holds values between whole numbers."


def refusal(
    images: dict[str, Dataset], writing: Writing, folder: Path, *, as_pixels: bool = False
) -> str:
    """The sentence with which what was written is refused."""
    writing(folder, folder)
    segment = Segment("Opacity", STRUCTURE, BRAIN, (10, 200, 30))
    with pytest.raises(ModelUnusable) as refused:
        ImageOutputReader(images, {1: segment}, 2**30, as_pixels=as_pixels).read(folder)
    return refused.value.message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mask.png", "names no frame of the image, which has 5"),
        ("00006.png", "is of frame 6; the image has 5"),
    ],
)
def test_a_picture_of_no_frame_of_the_cine_is_refused(tmp_path: Path, name: str, says: str) -> None:
    assert says in refusal({"": cine()}, _picture(np.ones((24, 40), np.uint8), name), tmp_path)


def test_a_label_map_of_none_of_the_views_is_refused(tmp_path: Path) -> None:
    writing = _nifti(_WHOLE, np.diag([-1.0, -1, 1, 1]))
    says = refusal({"rcc": lopsided(), "lcc": lopsided()}, writing, tmp_path)
    assert "is a label map of none of the images: rcc, lcc" in says


def test_a_refused_mask_leaves_nothing_of_the_run(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, Writer(_picture(np.ones((320, 240), np.uint8))), card("png"))
    decision = decided(node, lopsided(), name=NAME)
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert "mask.png of the container has 240 × 320 pixels" in job.reason
    assert node.findings.of_job(job.job_id) == []
