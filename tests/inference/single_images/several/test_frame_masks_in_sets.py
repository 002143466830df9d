"""Masks on the frames of images that are given together."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from storage.container import Storage
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_frames_in_sets import (
    NOW,
    added,
    done,
    tomosynthesis,
    with_square,
)
from tests.inference.single_images.several.test_several_images import view
from tests.inference.single_images.support import objects

IMAGE = {
    "channels": 1,
    "orientation": ["A", "F"],
    "resize": {"size": [240, 160], "fit": "pad"},
}


def test_masks_lie_on_the_frames_and_are_those_of_the_time_that_is_surest(
    storage: Storage, tmp_path: Path
) -> None:
    """Each frame of the left breast is given with one or two of the right: with a dim one the
    model is less sure, and misses what lies in the upper half of all others."""
    import torch

    class Bright(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            right = x[:, 0].mean()
            logits = (x - 0.5) * (2.0 + 20.0 * right)
            if bool(right < 0.25):
                logits[:, 1:, :120] = -5.0
            return torch.stack([torch.zeros_like(logits), logits], dim=2)

    labels = {"0": "background", "1": "Suspicious"}
    added(
        storage,
        tmp_path / "m",
        Bright(),
        output="image-segmentation",
        labels=labels,
        frames={"at_most": 5},
        image=IMAGE,
    )
    # The left one's second frame is given with the second and third of the right, its third with
    # the last two.
    right = tomosynthesis("rcc", (400, 1400, 600, 600, 1400), 1, **NOW)
    left = tomosynthesis("lcc", (300, 300, 300), 2, **NOW)
    for number, place in ((2, 20), (4, 90)):
        right = with_square(right, number, 30, place)
    for number in (1, 2, 3):
        left = with_square(left, number, 60, 100)
    film = with_square(view("rmlo", 300, 3, **NOW), 1, 20, 100)
    job = done(storage, right, left, film)
    made = {source_of(one): one for one in objects(storage, job, "SEG")}
    assert set(made) == {one.SOPInstanceUID for one in (right, left, film)}
    for image, marked in ((right, [2, 4]), (left, [1, 2, 3])):
        read = made[image.SOPInstanceUID]
        assert [number_of(one) for one in read.PerFrameFunctionalGroupsSequence] == marked
        truth = image.pixel_array[[number - 1 for number in marked]] > 2048
        if image is left:
            # Given with a dim frame alone.
            truth[0, :120] = False
        np.testing.assert_array_equal(read.pixel_array > 0, truth)
    (single,) = np.atleast_3d(made[film.SOPInstanceUID].pixel_array).reshape(-1, 240, 160)
    np.testing.assert_array_equal(single > 0, film.pixel_array > 2048)
    found = {
        (str(one.image.sop_instance_uid), one.label): one.value
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None
    }
    assert found[left.SOPInstanceUID, "Frames with Suspicious"] == 3
    assert found[right.SOPInstanceUID, "Frames with Suspicious"] == 2
    assert (film.SOPInstanceUID, "Suspicious share of the image") in found
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "SR.dcm")) == []


def test_a_time_at_which_a_frame_is_padding_is_left_out(storage: Storage, tmp_path: Path) -> None:
    import torch

    class Darkest(torch.nn.Module):
        """Of the right breast: a frame of padding would be the darkest."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            dark = 20.0 * (0.5 - x[:, 0].mean(dim=(1, 2)))
            return torch.stack([torch.zeros_like(dark), dark], dim=1)

    frames = {"at_most": 4, "combine": "max"}
    added(storage, tmp_path / "m", Darkest(), frames=frames, image=IMAGE)
    right = tomosynthesis("rcc", (0, 3000, 2600, 3400), 1, PixelPaddingValue=0, **NOW)
    left = tomosynthesis("lcc", (300, 300), 2, **NOW)
    job = done(storage, right, left, view("rmlo", 300, 3, **NOW))
    assert "1 of 4 times left out: a frame shows nothing." in job.result["notes"]
    (dark,) = [one for one in storage.findings.of_job(job.job_id) if one.label == "Suspicious"]
    assert dark.confidence is not None
    assert dark.confidence < 0.1
    (likeliest,) = [one for one in job.result["notes"] if one.startswith("Of 3 times")]
    assert "right CC frame 4" in likeliest


def source_of(segmentation: Dataset) -> str:
    return str(segmentation.SourceImageSequence[0].ReferencedSOPInstanceUID)


def number_of(groups: Dataset) -> int:
    (source,) = groups.DerivationImageSequence[0].SourceImageSequence
    return int(source.ReferencedFrameNumber)
