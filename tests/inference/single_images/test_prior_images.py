"""Films with the film of the same view of an earlier study: matched, stated, revised, refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from api.jobs.serializers import job_payload
from inference.model_registry.adding import add_model
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from storage.core.errors import InvalidRequest
from tests.inference.films import film, image_card, part10, script, write_card
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import PIPELINE, objects
from tests.inference.small import study_uid

TOP, LEFT = (20, 60, 40, 120), (120, 200, 40, 120)


def added(storage: Storage, folder: Path, **prior: Any) -> None:
    """TorchScript: the logit of class 1 is 20 × (mean of the image − mean of its prior)."""
    import torch

    class Brighter(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[1] == 2
            change = 20.0 * (x[:, 0] - x[:, 1]).mean(dim=(1, 2))
            return torch.stack([torch.zeros_like(change), change], dim=1)

    card = image_card("image-classification")
    card["prior"] = {"within_days": 730, **prior}
    script(write_card(folder, card), Brighter())
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def chest(name: str, date: str, *bright: tuple[int, int, int, int], **changes: Any) -> Dataset:
    pixels = np.full((240, 320), 200, np.uint16)
    for top, bottom, left, right in bright:
        pixels[top:bottom, left:right] = 3800
    number = changes.pop("number", 1)
    return film(name, number, pixels=pixels, StudyDate=date, **changes)


def decided(storage: Storage, *films: Dataset, study: str = "now") -> Decision:
    receive(storage, [part10(one) for one in films])
    complete_and_schedule(storage, later(10))
    look_for_priors_again(storage, later(10))
    found = storage.acceptance_decisions.of_study(study_uid(study))
    (one,) = [one for one in found if one.pipeline == PIPELINE]
    return one


def done(storage: Storage, decision: Decision) -> Job:
    assert decision.accepted, decision.reason
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def brighter(storage: Storage, job: Job) -> dict[str, float]:
    """By image: the probability that it has become brighter."""
    return {
        one.image.sop_instance_uid: float(one.confidence or 0)
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.label == "Bright part"
    }


def expected(now: Dataset, before: Dataset | None) -> float:
    def mean(one: Dataset) -> float:
        return float(((one.pixel_array - 2047.5) / 4095 + 0.5).mean())

    change = 20 * (mean(now) - (0 if before is None else mean(before)))
    return float(1 / (1 + np.exp(-change)))


def test_each_view_is_given_with_the_same_view_of_the_nearest_study(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    lateral = {"ViewPosition": "LL", "PatientOrientation": ["A", "F"], "number": 2}
    now = chest("now", "20251231", TOP, LEFT), chest("now", "20251231", TOP, **lateral)
    before = chest("before", "20241231", TOP), chest("before", "20241231", TOP, LEFT, **lateral)
    older = chest("older", "20240601"), chest("older", "20240601", **lateral)
    decision = decided(storage, *before, *older, *now)
    assert decision.reason.endswith("With the prior image of 2024-12-31 for each.")
    job = done(storage, decision)
    assert brighter(storage, job) == {
        one.SOPInstanceUID: pytest.approx(expected(one, other), abs=1e-3)
        for one, other in zip(now, before, strict=True)
    }
    payload = job_payload(storage.jobs.get(job.job_id)).model_dump(mode="json")
    assert [(one["role"], one["prior"]) for one in payload["inputs"]] == [
        (
            "before",
            {
                "study_instance_uid": study_uid("before"),
                "study_date": "2024-12-31",
                "days_before": 365,
            },
        ),
        ("image", None),
    ]
    assert "The prior is of the study of 2024-12-31, 365 days before." in payload["notes"]
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    texts = [str(one.value) for one in report.iterall() if one.keyword == "TextValue"]
    assert "prior_before=2024-12-31" in texts
    (other,) = report.PertinentOtherEvidenceSequence
    assert other.StudyInstanceUID == study_uid("before")
    assert {one.study_instance_uid for one in storage.index.instances_of(study_uid("before"))} == {
        study_uid("before")
    }
    assert all(one.StudyInstanceUID == study_uid("now") for one in objects(storage, job, "SC"))


def test_an_optional_prior_is_black_until_it_comes_and_revises_the_result(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", required=False)
    now = chest("now", "20251231", TOP)
    first = decided(storage, now)
    assert first.reason.endswith(
        "No prior image within 2 years: no earlier study of the patient is here."
    )
    job = done(storage, first)
    assert brighter(storage, job) == {
        now.SOPInstanceUID: pytest.approx(expected(now, None), abs=1e-3)
    }
    # Another view, and another patient, change nothing.
    lateral = chest("lateral", "20250601", ViewPosition="LL", PatientOrientation=["A", "F"])
    assert decided(storage, lateral, chest("other", "20250701", PatientID="X")).job_id == job.job_id
    before = chest("before", "20241231", TOP, LEFT)
    second = done(storage, decided(storage, before))
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    assert brighter(storage, second) == {
        now.SOPInstanceUID: pytest.approx(expected(now, before), abs=1e-3)
    }
    nearer = decided(storage, chest("nearer", "20250301", LEFT))
    assert nearer.job_id != second.job_id
    assert storage.jobs.get(second.job_id).status == "SUPERSEDED"
    # One that goes before the job has run is done without.
    storage.deletions.study(study_uid("nearer"))
    ended = run_job(storage, nearer.job_id or "", "worker")
    assert ended is not None
    assert ended.status == "SUPERSEDED"
    assert "of 2024-12-31" in decided(storage).reason


def test_a_required_prior_that_is_missing_is_named(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m")
    lateral = chest("lateral", "20250601", ViewPosition="LL", PatientOrientation=["A", "F"])
    found = decided(storage, lateral, chest("now", "20251231", TOP))
    assert not found.accepted
    assert found.reason == (
        "No prior image within 2 years. The study of 2025-06-01 has one of the same view for 0 of"
        " 1."
    )
    explained = {
        one.pipeline: one.reason
        for one in explain_study(
            storage.settings, storage.index, storage.instances, storage.worklist,
            storage.model_states,
            results_in(storage),
            study_uid("now"),
        )
    }  # fmt: skip
    assert explained[PIPELINE] == found.reason


def test_no_image_of_another_patient_or_body_part_or_of_no_known_view_is_a_prior(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    mine = chest("before", "20241231", ViewPosition="LL", PatientOrientation=["A", "F"])
    of_another = chest("before", "20241231", number=2, PatientID="X", PatientName="Other^One")
    receive(storage, [part10(mine)])
    found = decided(storage, of_another, chest("now", "20251231", TOP))
    assert found.reason == (
        "No prior image within 2 years. The study of 2024-12-31 has one of the same view for 0 of"
        " 1. One is left out: It names another patient than its study."
    )
    hand = chest("hand", "20250601", BodyPartExamined="HAND")
    assert not decided(storage, hand).accepted
    unknown = {"ViewPosition": "", "PatientOrientation": ""}
    receive(storage, [part10(chest("unknown", "20250701", **unknown))])
    found = decided(storage, chest("here", "20251230", **unknown), study="here")
    assert not found.accepted
    assert "for 0 of 1. Nothing tells the view of an image." in found.reason
    assert decided(storage, chest("same", "20250801")).accepted


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image": {"channels": 1}}, r"prior needs model.image.resize.size"),
    ],
)
def test_a_card_whose_prior_does_not_fit_is_refused(
    storage: Storage, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    import torch

    card = image_card("image-classification", **changes)
    card["prior"] = {"within_days": 730}
    folder = script(write_card(tmp_path / "m", card), torch.nn.Identity())
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    card["prior"] = {"within_day": 730}
    write_card(folder, card)
    with pytest.raises(InvalidRequest, match=r"did you mean 'within_days'\?"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
