"""Several images at once, some of them of an earlier study: chosen, in their channel, revised."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from api.jobs.serializers import job_payload
from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from tests.inference.films import film, part10, script
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_several_images import card, view
from tests.inference.single_images.support import objects, probability, ran
from tests.inference.single_images.test_docs_images import block
from tests.inference.small import study_uid

PIPELINE = "model-breast-screening"
WEIGHTS = (1.0, -2.0, 4.0, -8.0)
"""Of the mean of each channel: rcc, rcc-before, lcc, lcc-before."""
NOW, BEFORE = {"rcc": 400, "lcc": 1200}, {"rcc": 2000, "lcc": 2800}


def added(storage: Storage, folder: Path, output: str = "image-classification") -> None:
    """TorchScript: the logit of class 1 is the weighted sum of the channels' means; as a
    segmentation it marks what is brighter in an image than in its prior."""
    import torch

    class Weighted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(torch.tensor(WEIGHTS))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[1] == 4
            found = (x.mean(dim=(2, 3)) * self.weights).sum(dim=1)
            return torch.stack([torch.zeros_like(found), found], dim=1)

    class Brighter(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            change = 20.0 * (x[:, [0, 2]] - x[:, [1, 3]] - 0.43)
            return torch.stack([-change, change], dim=2)

    stated = card()
    priors = json.loads(block("several-images", "json priors"))["inputs"]
    own = {role: stated["inputs"][role] for role in NOW}
    stated["inputs"] = {
        role: one
        for now in own
        for role, one in ((now, own[now]), (f"{now}-before", priors[f"{now}-before"]))
    }
    stated["model"]["output"] = output
    folder.mkdir()
    (folder / "mediview.json").write_text(json.dumps(stated))
    script(folder, Weighted() if output == "image-classification" else Brighter())
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def views(study: str, date: str, brightness: dict[str, int], **changes: Any) -> list[Dataset]:
    of = {"StudyInstanceUID": study_uid(study), "StudyDate": date, **changes}
    first = 1 + 10 * ("now", "some", "before", "nearer", "part").index(study)
    return [view(*one, first + n, **of) for n, one in enumerate(brightness.items())]


def decided(storage: Storage, *images: Dataset) -> Decision:
    receive(storage, [part10(one) for one in images])
    complete_and_schedule(storage, later(10))
    look_for_priors_again(storage, later(10))
    found = storage.acceptance_decisions.of_study(study_uid("now"))
    return next(one for one in found if one.pipeline == PIPELINE)


def answered(storage: Storage, job: Job) -> float:
    return probability(storage, job, "Suspicious")


def expected(before: dict[str, int]) -> float:
    stated = [NOW["rcc"], before.get("rcc"), NOW["lcc"], before.get("lcc")]
    shown = [0 if one is None else (one - 2047.5) / 4095 + 0.5 for one in stated]
    return float(1 / (1 + np.exp(-np.dot(WEIGHTS, shown))))


def test_each_view_may_have_its_prior_which_comes_later_and_goes(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    first = ran(storage, decided(storage, *views("now", "20251231", NOW)))
    assert answered(storage, first) == pytest.approx(expected({}), abs=1e-3)
    assert "right CC before is not there, and was given as black." in first.result["notes"]
    # One view alone, the other an oblique one of another side.
    some = views("some", "20241231", {"rcc": BEFORE["rcc"], "lmlo": 100})
    decision = decided(storage, *some)
    assert "right CC before: image 11 of series 11 of 2024-12-31" in decision.reason
    for says in (
        "Without left CC before, which is not required. No prior left CC within 1100 days.",
        "image 12 of series 12 of 2024-12-31: It shows another view.",
    ):
        assert says in decision.reason
    second = ran(storage, decision)
    assert storage.jobs.get(first.job_id).status == "SUPERSEDED"
    assert answered(storage, second) == pytest.approx(expected({"rcc": BEFORE["rcc"]}), abs=1e-3)
    # The nearest study that has what is required counts, and here nothing is.
    storage.deletions.study(study_uid("some"))
    third = ran(storage, decided(storage, *views("before", "20231230", BEFORE)))
    assert answered(storage, third) == pytest.approx(expected(BEFORE), abs=1e-3)
    payload = job_payload(storage.jobs.get(third.job_id)).model_dump(mode="json")
    assert {one["role"]: (one["prior"] or {}).get("days_before") for one in payload["inputs"]} == {
        "rcc": None, "lcc": None, "rcc-before": 732, "lcc-before": 732,
    }  # fmt: skip
    assert "right CC before is of the study of 2023-12-30, 732 days before." in payload["notes"]
    (report,) = objects(storage, third, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    (other,) = report.PertinentOtherEvidenceSequence
    assert other.StudyInstanceUID == study_uid("before")
    assert {one.StudyInstanceUID for one in objects(storage, third, "SC")} == {study_uid("now")}
    waiting = decided(storage, *views("nearer", "20250101", {"rcc": 600}))
    assert waiting.job_id != third.job_id
    storage.deletions.study(study_uid("nearer"))
    ended = run_job(storage, waiting.job_id or "", "worker")
    assert ended is not None
    assert ended.status == "SUPERSEDED"
    assert "2023-12-30" in decided(storage).reason


def test_no_image_of_another_patient_or_part_of_the_body_is_a_prior(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    of_another, _ = views("before", "20241231", BEFORE, PatientID="X", PatientName="Other^One")
    _, mine = views("before", "20241231", BEFORE)
    part = views("part", "20250101", BEFORE, BodyPartExamined="ARM")
    elsewhere = film("plain", 1, StudyDate="20250201")
    receive(storage, [part10(one) for one in (mine, of_another, *part, elsewhere)])
    decision = decided(storage, *views("now", "20251231", NOW))
    assert decision.accepted
    assert "It names another patient than its study." in decision.reason
    assert "left CC before: image 22 of series 22 of 2024-12-31" in decision.reason
    nobody = ran(storage, decision)
    assert answered(storage, nobody) == pytest.approx(expected({"lcc": BEFORE["lcc"]}), abs=1e-3)


def test_masks_are_of_the_images_of_the_study_alone(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", "image-segmentation")
    now, before = views("now", "20251231", NOW), views("before", "20241231", {"rcc": 0, "lcc": 0})
    for image in now:
        pixels = np.zeros((240, 160), np.uint16)
        pixels[40:60, 20:100] = 3500
        image.PixelData = pixels.tobytes()
    lcc = np.zeros((240, 160), np.uint16)
    lcc[40:60, 20:60] = 3500
    before[1].PixelData = lcc.tobytes()
    receive(storage, [part10(one) for one in before])
    job = ran(storage, decided(storage, *now))
    assert (job.state, job.reason) == ("COMPLETED", "")
    shares = {
        one.image.sop_instance_uid: one.value
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.label == "Suspicious share of the image"
    }
    whole = 100 * 20 * 80 / (240 * 160)
    assert shares == {
        now[0].SOPInstanceUID: pytest.approx(whole, rel=0.05),
        now[1].SOPInstanceUID: pytest.approx(whole / 2, rel=0.05),
    }
