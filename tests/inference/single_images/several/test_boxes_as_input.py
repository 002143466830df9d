"""Boxes that a detector found in an image, as a channel of a network that looks again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.scheduling.new_results import look_for_results_again
from inference.scheduling.schedule import complete_and_schedule
from inference.single_images.card import ImageCard
from inference.withdrawals.late_instances import withdraw_outdated
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from tests.inference.films import bright_detector, film, part10, script, write_card
from tests.inference.orchestration import later, receive
from tests.inference.single_images.support import PIPELINE, UPRIGHT, probability, ran
from tests.inference.single_images.test_docs_images import block
from tests.inference.small import study_uid

SECOND = "model-second-look"


def card(**result: Any) -> dict[str, Any]:
    stated: dict[str, Any] = json.loads(block("chains", "json boxes"))
    stated["inputs"]["boxes"]["result_of"] |= result
    return stated


def add_second(storage: Storage, folder: Path, **image: Any) -> None:
    """TorchScript: the logit of class 1 is 8 × (mean of the image in the boxes − 0.5)."""
    import torch

    class InBoxes(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inside = x[:, 1] > 0.5
            count = inside.sum(dim=(1, 2)).clamp(min=1)
            found = 8.0 * ((x[:, 0] * inside).sum(dim=(1, 2)) / count - 0.5)
            return torch.stack([torch.zeros_like(found), found], dim=1)

    stated = card()
    stated["model"]["image"] |= image
    script(write_card(folder, stated), InBoxes())
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def asked(storage: Storage, *images: Dataset, name: str = SECOND) -> Decision:
    receive(storage, [part10(one) for one in images])
    withdraw_outdated(storage, utcnow())
    complete_and_schedule(storage, later(10))
    look_for_results_again(storage, later(10))
    found = storage.acceptance_decisions.of_study(study_uid("film"))
    return next(one for one in found if one.pipeline == name)


def answer(storage: Storage, job: Job) -> float:
    return probability(storage, job, "Confirmed")


@pytest.mark.parametrize("turned", [False, True])
def test_the_network_sees_the_boxes_where_they_lie_on_its_grid(
    storage: Storage, tmp_path: Path, turned: bool
) -> None:
    bright_detector_in(storage, tmp_path / "first")
    add_second(storage, tmp_path / "second", **(UPRIGHT if turned else {}))
    stated = {"PatientOrientation": ["F", "R"]} if turned else {}
    assert asked(storage, film("film", 1, **stated)).reason == (
        f"Waits for Boxes of the detector: {PIPELINE} on series 3 has not ended yet."
    )
    first = ran(storage, asked(storage, name=PIPELINE))
    job = ran(storage, asked(storage))
    # What is in the square is bright, and all else dark: beside it the answer would be below 0.05.
    assert answer(storage, job) > 0.9
    assert {one["role"] for one in job.result["inputs"]} == {"film", "boxes"}
    assert "channels are Film, Boxes of the detector" in job.result["notes"][0]
    # A late image: the detector looks again, and what rested on it goes.
    asked(storage, film("film", 2, **stated))
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    assert storage.jobs.get(first.job_id).status == "SUPERSEDED"


def bright_detector_in(storage: Storage, folder: Path, **changes: Any) -> None:
    made = bright_detector(folder, **changes)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")


def test_an_image_without_boxes_is_not_one_that_nobody_looked_at(
    storage: Storage, tmp_path: Path
) -> None:
    bright_detector_in(storage, tmp_path / "first", images_at_most=1)
    add_second(storage, tmp_path / "second")
    dark = film("film", 1, pixels=np.full((240, 320), 100, np.uint16))
    asked(storage, dark)
    ran(storage, asked(storage, name=PIPELINE))
    job = ran(storage, asked(storage))
    assert answer(storage, job) == pytest.approx(1 / (1 + np.exp(4)), abs=1e-3)


def test_boxes_of_another_image_are_none_of_this_one(storage: Storage, tmp_path: Path) -> None:
    made = bright_detector(tmp_path / "first")
    stated = json.loads((made / "mediview.json").read_text())
    (made / "mediview.json").write_text(json.dumps({**stated, "accepts": {"InstanceNumber": 1}}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")
    add_second(storage, tmp_path / "second")
    asked(storage, film("film", 1), film("film", 2))
    ran(storage, asked(storage, name=PIPELINE))
    job = ran(storage, asked(storage))
    assert job.state == "CANCELED"
    assert f"Boxes of the detector, a result of {PIPELINE}, states nothing of the image film." in (
        job.reason
    )


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ({"of": "flim"}, r"of in inputs.boxes is 'flim', .* \(did you mean 'film'"),
        ({"form": "findings", "of": ""}, 'form "findings", which such a model is not given; it'),
        ({"form": "mask", "of": ""}, 'form "mask", which such a model is not given'),
        ({"of": ""}, "of names the image in which boxes lie"),
        ({"pipeline": "", "segments": [["1", "SCT"]]}, "names a pipeline and no segments"),
    ],
)
def test_a_card_that_takes_boxes_otherwise_is_refused(result: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ImageCard.model_validate(card(**result))
