"""Several images of a study at once, each in its role: four mammographic views."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation

from api.jobs.serializers import job_payload
from inference.model_registry.adding import add_model
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from storage.core.errors import InvalidRequest
from storage.core.uids import derive_uid
from tests.inference.films import film, part10, script
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import objects
from tests.inference.single_images.test_docs_images import PAGES, block
from tests.inference.small import study_uid

PIPELINE = "model-breast-screening"
WEIGHTS = (1.0, -2.0, 4.0, -8.0)
"""Of the mean of each channel, so that a view in another's place gives another answer."""
STUDY = study_uid("screening")


def view(kind: str, brightness: int, number: int, **changes: Any) -> Dataset:
    """A mammogram, `rcc` or `lmlo`, in a series of its own unless stated."""
    pixels = np.full((240, 160), brightness, np.uint16)
    return film(
        "screening",
        number,
        pixels=pixels,
        **{
            "SOPClassUID": DigitalMammographyXRayImageStorageForPresentation,
            "Modality": "MG",
            "SeriesInstanceUID": derive_uid("test-view", str(number)),
            "SeriesNumber": number,
            "BodyPartExamined": "BREAST",
            "ViewPosition": kind[1:].upper(),
            "ImageLaterality": kind[0].upper(),
            "PatientOrientation": ["A", "F"],
            **changes,
        },
    )


FOUR = {"rcc": 400, "lcc": 1200, "rmlo": 2000, "lmlo": 2800}


def four(*left_out: str) -> list[Dataset]:
    stated = {kind: one for kind, one in FOUR.items() if kind not in left_out}
    # The other way round than in the card.
    return [view(*one, 10 - n) for n, one in enumerate(reversed(stated.items()))]


def card() -> dict[str, Any]:
    stated: dict[str, Any] = json.loads(block("several-images", "json card"))
    return stated


def network(folder: Path) -> Path:
    """TorchScript: the logit of class 1 is the weighted sum of the channels' means."""
    import torch

    class Weighted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(torch.tensor(WEIGHTS))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[1] == 4
            found = (x.mean(dim=(2, 3)) * self.weights).sum(dim=1)
            return torch.stack([torch.zeros_like(found), found], dim=1)

    folder.mkdir(parents=True)
    return script(folder, Weighted())


def quote(page: str) -> str:
    lines = (PAGES / f"{page}.md").read_text("utf-8").splitlines()
    return " ".join(one.removeprefix("> ") for one in lines if one.startswith("> "))


def added(storage: Storage, folder: Path, **changes: Any) -> None:
    (network(folder) / "mediview.json").write_text(json.dumps({**card(), **changes}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def decisions(storage: Storage, *films: Dataset) -> list[Decision]:
    receive(storage, [part10(one) for one in films])
    complete_and_schedule(storage, later(10))
    found = storage.acceptance_decisions.of_study(STUDY)
    return [one for one in found if one.pipeline == PIPELINE]


def done(storage: Storage, job_id: str | None) -> Job:
    job = run_job(storage, job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def expected(**brightness: int) -> float:
    # As padded to 96 x 64: all of it, for 240 x 160 has the same proportions.
    means = [(brightness.get(kind, 0) - 2047.5) / 4095 + 0.5 for kind in FOUR]
    shown = [mean if kind in brightness else 0 for kind, mean in zip(FOUR, means, strict=True)]
    return float(1 / (1 + np.exp(-np.dot(WEIGHTS, shown))))


def test_four_views_in_four_series_give_one_answer_about_all_of_them(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    first, *others = four()
    waiting = decisions(storage, first)
    assert "No image is right CC. image 10 of series 10: The card wants" in waiting[0].reason
    found = decisions(storage, *others)
    assert len(found) == 4
    assert all(one.accepted for one in found)
    (job_id,) = {one.job_id for one in found}
    assert "right CC: image 7 of series 7, left CC: image 8 of series 8" in found[0].reason
    job = done(storage, job_id)
    findings = storage.findings.of_job(job.job_id)
    by_label = {one.label: one for one in findings}
    assert by_label["Suspicious"].confidence == pytest.approx(expected(**FOUR), abs=1e-3)
    assert by_label["Suspicious"].code.value == "SUSPICIOUS"
    assert all(one.image is None for one in findings)
    payload = job_payload(storage.jobs.get(job.job_id)).model_dump(mode="json")
    assert {one["role"] for one in payload["inputs"]} == set(FOUR)
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    named = [
        str(one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for group in report.iterall()
        if group.keyword == "ContentSequence"
        for one in group.value
        if one.ValueType == "IMAGE" and one.RelationshipType == "CONTAINS"
    ]
    assert {str(one.SOPInstanceUID) for one in (first, *others)} <= set(named)
    assert len(objects(storage, job, "SC")) == 4
    explained = explain_study(
        storage.settings,
        storage.index,
        storage.instances,
        storage.worklist,
        storage.model_states,
        results_in(storage),
        STUDY,
    )
    assert [one.would_run for one in explained if one.pipeline == PIPELINE] == [True] * 4


def test_a_spot_or_raw_image_that_comes_last_does_not_take_the_place_of_the_view(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    modifier, code = Dataset(), Dataset()
    modifier.CodeValue, modifier.CodingSchemeDesignator = "399055006", "SCT"
    modifier.CodeMeaning = "Spot compression"
    code.CodeValue, code.CodingSchemeDesignator = "399162004", "SCT"
    code.CodeMeaning = "cranio-caudal"
    code.ViewModifierCodeSequence = [modifier]
    found = decisions(
        storage,
        *four(),
        view("rcc", 100, 20, ViewCodeSequence=[code]),
        view("rcc", 100, 21, PresentationIntentType="FOR PROCESSING"),
    )
    assert "right CC: image 7 of series 7" in next(one.reason for one in found if one.accepted)


def test_a_view_that_is_not_required_is_black_and_its_coming_revises_the_result(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m")
    (found, *_) = decisions(storage, *four("lmlo"))
    job = done(storage, found.job_id)
    three = {kind: one for kind, one in FOUR.items() if kind != "lmlo"}
    (suspicious,) = [x for x in storage.findings.of_job(job.job_id) if x.label == "Suspicious"]
    assert suspicious.confidence == pytest.approx(expected(**three), abs=1e-3)
    assert "left MLO is not there, and was given as black." in job.result["notes"]
    (revised, *_) = decisions(storage, view("lmlo", FOUR["lmlo"], 11))
    assert revised.job_id != job.job_id
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    again = done(storage, revised.job_id)
    # A late image in one of the series withdraws it; the last of two of one view counts.
    late = view("rcc", 3600, 12, SeriesInstanceUID=derive_uid("test-view", "8"), SeriesNumber=8)
    receive(storage, [part10(late)])
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(again.job_id).status == "SUPERSEDED"
    (last, *_) = decisions(storage)
    assert "right CC: image 12 of series 8" in last.reason
    job = done(storage, last.job_id)
    (suspicious,) = [x for x in storage.findings.of_job(job.job_id) if x.label == "Suspicious"]
    assert suspicious.confidence == pytest.approx(expected(**{**FOUR, "rcc": 3600}), abs=1e-3)


REGRESSION = {
    "output": "image-regression",
    "labels": {},
    "numbers": {"0": {"label": "Age", "unit": "a"}},
}


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"reference": "rc"}, "did you mean 'rcc'?"),
        ({"reference": "lmlo"}, "reference must name a required input"),
        ({"prior": {"within_days": 30}}, "beside inputs a prior is an input with prior_of"),
        ({"accepts": {"Modality": "MG"}}, "accepts stands in each of the inputs"),
        ({"model": REGRESSION}, "inputs are of one of image-classification, object-detection"),
        ({"model": {"image": {"channels": 1}}}, "resize.size"),
        (
            {"inputs": {"rcc": {"accepts": {"view": "CC"}, "registration": "rigid"}}},
            "the reference is what the others are registered to",
        ),
    ],
)
def test_a_card_whose_images_do_not_fit_is_refused(
    storage: Storage, tmp_path: Path, changes: dict[str, Any], mistake: str
) -> None:
    stated = card()
    changes = {
        key: {**stated[key], **value} if key == "model" else value for key, value in changes.items()
    }
    with pytest.raises(InvalidRequest) as refused:
        added(storage, tmp_path / "m", **changes)
    assert mistake in str(refused.value)


def test_a_model_of_several_images_is_added_and_run_as_its_page_says(tmp_path: Path) -> None:
    command = block("several-images", "sh").split()
    folder = network(tmp_path / command[-1])
    (folder / "mediview.json").write_text(block("several-images", "json card"))
    with storage_in(tmp_path) as storage:
        assert f"the pipeline {PIPELINE} runs with it" in mediview(tmp_path, storage, *command[1:])
        found = decisions(storage, view("rcc", 400, 3), view("lmlo", 400, 4))
        assert found[0].reason == quote("several-images")
        (found, *_) = decisions(storage, *four("rcc"))
        done(storage, found.job_id)
