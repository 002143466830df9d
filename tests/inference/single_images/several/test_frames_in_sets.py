"""Tomosynthesis among several images, and with that of an earlier study: which frames are given
together, and where what is found lies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import BreastTomosynthesisImageStorage

from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.single_images.frames_together import frame_alike, frames_taken, frames_together
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.films import image_card, part10, script, write_card
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_several_images import card, view
from tests.inference.single_images.support import box_of, objects
from tests.inference.small import study_uid

ROWS, COLUMNS = 240, 160
NOW = {"StudyInstanceUID": study_uid("now"), "StudyDate": "20251231"}


def tomosynthesis(kind: str, greys: Sequence[int], number: int, **changes: Any) -> Dataset:
    """A frame for each grey; the side is stated of its frames."""
    image = view(kind, 0, number, SOPClassUID=BreastTomosynthesisImageStorage, **changes)
    frames = np.stack([np.full((ROWS, COLUMNS), one, np.uint16) for one in greys])
    image.NumberOfFrames, image.PixelData = len(greys), frames.tobytes()
    anatomy, shared, region = Dataset(), Dataset(), Dataset()
    anatomy.FrameLaterality = kind[0].upper()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = (
        "76752008",
        "SCT",
        "Breast",
    )
    anatomy.AnatomicRegionSequence = [region]
    shared.FrameAnatomySequence = [anatomy]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [Dataset() for _ in greys]
    del image.ImageLaterality
    return image


def with_square(image: Dataset, frame_number: int, left: int, top: int) -> Dataset:
    pixels = image.pixel_array.copy()
    frame = pixels if pixels.ndim == 2 else pixels[frame_number - 1]
    frame[top : top + 40, left : left + 50] = 3900
    image.PixelData = pixels.tobytes()
    return image


@pytest.mark.parametrize(
    ("index", "count", "other", "alike"),
    [(0, 5, 3, 0), (1, 5, 3, 1), (2, 5, 3, 1), (3, 5, 3, 2), (4, 5, 3, 2), (3, 5, 1, 0),
     (0, 1, 1, 0), (0, 1, 6, 2), (0, 1, 7, 3), (0, 2, 9, 0), (1, 2, 9, 8), (2, 3, 60, 59),
     (1, 3, 60, 30)],
)  # fmt: skip
def test_the_frame_alike_lies_at_the_same_share_of_its_image(
    index: int, count: int, other: int, alike: int
) -> None:
    assert frame_alike(index, count, other) == alike


def test_frames_are_given_by_the_longest_image() -> None:
    assert frames_taken(60, 4) == [0, 20, 39, 59]
    assert frames_together({"a": 1, "b": 5, "c": 3}, 3) == [
        {"a": 0, "b": 0, "c": 0}, {"a": 0, "b": 2, "c": 1}, {"a": 0, "b": 4, "c": 2},
    ]  # fmt: skip
    assert frames_together({"a": 1, "b": 1}, 1) == [{"a": 0, "b": 0}]


def added(storage: Storage, folder: Path, network: Any, **model: Any) -> None:
    """Both sides of the cranio-caudal view, and the oblique one of the right, in that order."""
    stated = card()
    stated["inputs"] = {role: stated["inputs"][role] for role in ("rcc", "lcc", "rmlo")}
    stated["model"] |= model
    script(write_card(folder, stated), network)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def done(storage: Storage, *images: Dataset, pipeline: str = "model-breast-screening") -> Job:
    receive(storage, [part10(one) for one in images])
    complete_and_schedule(storage, later(10))
    found = storage.acceptance_decisions.of_study(study_uid("now"))
    decision = next(one for one in found if one.pipeline == pipeline and one.job_id)
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def three() -> list[Dataset]:
    return [
        tomosynthesis("rcc", (400, 800, 1600, 2400, 3200), 1, **NOW),
        tomosynthesis("lcc", (3000, 1000, 200), 2, **NOW),
        view("rmlo", 1200, 3, **NOW),
    ]


@pytest.mark.parametrize("combine", ["mean", "max"])
def test_one_answer_is_made_of_frames_that_lie_alike(
    storage: Storage, tmp_path: Path, combine: str
) -> None:
    import torch

    class Weighted(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            means = x.mean(dim=(2, 3))
            found = 3 * means[:, 0] - 2 * means[:, 1] + means[:, 2]
            return torch.stack([torch.zeros_like(found), found], dim=1)

    frames = {"at_most": 3, "combine": combine}
    added(storage, tmp_path / "m", Weighted(), frames=frames, heat_map={"grid": 2})
    images = three()
    job = done(storage, *images)

    def at(*greys: int) -> float:
        shown = [(one - 2047.5) / 4095 + 0.5 for one in greys]
        return float(1 / (1 + np.exp(-np.dot((3, -2, 1), shown))))

    times = [at(400, 3000, 1200), at(1600, 1000, 1200), at(3200, 200, 1200)]
    found = {one.label: one for one in storage.findings.of_job(job.job_id)}
    expected = max(times) if combine == "max" else np.mean(times)
    assert found["Suspicious"].confidence == pytest.approx(expected, abs=1e-3)
    notes = job.result["notes"]
    assert "Of 3 times, Suspicious is likeliest with right CC frame 5, left CC frame 3." in notes
    fall = found["Suspicious, fall without right CC"]
    assert fall.value == pytest.approx(100 * (times[2] - at(0, 200, 1200)), abs=0.1)
    assert fall.image is not None
    assert (fall.image.sop_instance_uid, fall.image.frame_number) == (images[0].SOPInstanceUID, 5)
    plain = found["Suspicious, fall without right MLO"].image
    assert plain is not None
    assert plain.frame_number is None


def test_boxes_lie_in_the_frames_of_their_images_and_once_in_what_stays(
    storage: Storage, tmp_path: Path
) -> None:
    import torch

    class Around(torch.nn.Module):
        """A box around what is bright in each image; surer, the brighter the first image is."""

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            boxes, images = torch.zeros((0, 4)), torch.zeros((0,), dtype=torch.int64)
            for place in range(x.shape[1]):
                bright = x[0, place] > 0.9
                if bool(bright.any()):
                    rows = torch.nonzero(bright.any(dim=1)).flatten()
                    columns = torch.nonzero(bright.any(dim=0)).flatten()
                    box = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
                    boxes = torch.cat([boxes, box.float()[None]])
                    images = torch.cat([images, torch.full((1,), place)])
            count = images.shape[0]
            scores = (0.5 + 0.4 * x[0, 0, 0, 0]) * torch.ones((count,))
            labels = torch.ones((count,), dtype=torch.int64)
            return {"boxes": boxes, "labels": labels, "scores": scores, "images": images}

    image = {"channels": 1, "resize": {"size": [ROWS, COLUMNS]}}
    added(
        storage, tmp_path / "m", Around(), output="object-detection", frames={"at_most": 5},
        image=image,
    )  # fmt: skip
    rcc, lcc, rmlo = three()
    with_square(rcc, 2, 10, 20)
    with_square(rcc, 4, 30, 100)
    with_square(lcc, 3, 70, 60)
    with_square(rmlo, 1, 90, 150)
    job = done(storage, rcc, lcc, rmlo)
    boxes = {
        (one.image.sop_instance_uid, one.image.frame_number, *box_of(one), one.confidence)
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.image.graphic_type == "POLYLINE"
    }
    sure = [round(0.5 + 0.4 * ((grey - 2047.5) / 4095 + 0.5), 3) for grey in (800, 2400, 3200)]
    found = {(*one[:-1], round(one[-1] or 0, 3)) for one in boxes}
    assert found == {
        (rcc.SOPInstanceUID, 2, 10, 20, 60, 60, sure[0]),
        (rcc.SOPInstanceUID, 4, 30, 100, 80, 140, sure[1]),
        (lcc.SOPInstanceUID, 3, 70, 60, 120, 100, sure[2]),
        (rmlo.SOPInstanceUID, None, 90, 150, 140, 190, sure[2]),
    }
    counts = [
        one.value for one in storage.findings.of_job(job.job_id) if one.label == "Boxes found"
    ]
    assert sorted(one or 0 for one in counts) == [1, 1, 2]
    for number, made in enumerate(objects(storage, job, "GSPS")):
        assert complaints(save(made, tmp_path / f"{number}.dcm")) == []


def test_a_frame_is_given_with_the_one_alike_of_the_earlier_study(
    storage: Storage, tmp_path: Path
) -> None:
    import torch

    class Brighter(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            change = 4.0 * (x[:, 0] - x[:, 1]).mean(dim=(1, 2))
            return torch.stack([torch.zeros_like(change), change], dim=1)

    stated = image_card(
        "image-classification", modalities=["MG"], frames={"at_most": 9, "combine": "max"}
    )
    stated["prior"] = {"within_days": 730}
    script(write_card(tmp_path / "m", stated), Brighter())
    add_model(storage.settings, storage.model_states, storage.shadow_runs, tmp_path / "m", "petra")
    then = {"StudyInstanceUID": study_uid("before"), "StudyDate": "20241231"}
    before = tomosynthesis("rcc", (100, 3000, 200), 11, **then)
    # A plain view of the same, which came later, is not what tomosynthesis is compared with.
    plain = view("rcc", 0, 12, **then)
    grey = (2000, 2500, 3500, 2600, 2700)
    now = tomosynthesis("rcc", grey, 1, **NOW)
    receive(storage, [part10(before), part10(plain)])
    job = done(storage, now, pipeline="model-bright-part")
    alike = (100, 3000, 3000, 200, 200)
    changes = [4 * (a - b) / 4095 for a, b in zip(grey, alike, strict=True)]
    (found,) = [one for one in storage.findings.of_job(job.job_id) if one.label == "Bright part"]
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-max(changes))), abs=2e-3)
    assert found.image is not None
    assert found.image.frame_number == 1 + int(np.argmax(changes)) == 5
    assert {one["role"] for one in job.result["inputs"]} == {"image", "before"}
