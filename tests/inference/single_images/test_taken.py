"""Which images are taken, and which cards, weights and models are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.pipeline import (
    Acceptance,
    ImageResult,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from inference.reports.evidence import gather
from inference.reports.findings_text import findings_sentences
from inference.reports.locale import load_locale
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from inference.single_images.card import Grey
from inference.single_images.frame import read_frame
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from tests.inference.films import (
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    image_card,
    part10,
    script,
    ultrasound,
    vit,
    write_card,
)
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import GRID, PIPELINE, decided, done, objects
from tests.inference.small import study_uid


def test_why_an_image_is_not_taken(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(
        tmp_path / "m", modalities=["DX"], image={**GRID, "orientation": ["L", "F"]}
    )
    card = json.loads((folder / "mediview.json").read_text())
    view = {"ViewCodeSequence.CodeValue": "399348003"}
    card["accepts"] = {"any": [{"ViewPosition": ["PA", "AP"]}, view]}
    (folder / "mediview.json").write_text(json.dumps(card))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    frames = np.zeros((5, 30, 40), np.uint8)
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "399348003",
        "SCT",
        "antero-posterior",
    )
    for dataset, says in (
        (film("modality", Modality="US"), "Modality is US; DX is taken."),
        (film("lateral", ViewPosition="LL"), "ViewPosition PA or AP"),
        (film("sideways", PatientOrientation=["A", "F"]), "which is another plane"),
        (film("unknown", PatientOrientation=None), "does not state its Patient Orientation"),
        (ultrasound("many", frames, Modality="DX"), "5 frames; the model's card takes single"),
    ):
        decision = decided(storage, dataset)
        assert not decision.accepted
        assert says in decision.reason
    assert decided(storage, film("coded", ViewPosition="", ViewCodeSequence=[code])).accepted
    mixed = decided(storage, film("mixed", 1), film("mixed", 2, ViewPosition="LL"))
    assert mixed.accepted
    assert mixed.reason.startswith("1 of 2 are taken")
    assert "ViewPosition PA or AP" in mixed.reason
    (explained,) = [
        one
        for one in explain_study(
            storage.settings,
            storage.index,
            storage.instances,
            storage.worklist,
            storage.model_states,
            results_in(storage),
            study_uid("mixed"),
        )
        if one.pipeline == PIPELINE
    ]
    assert explained.would_run
    job = run_job(storage, mixed.job_id or "", "worker")
    assert job is not None
    images = {
        one.image.sop_instance_uid for one in storage.findings.of_job(job.job_id) if one.image
    }
    assert images == {film("mixed", 1).SOPInstanceUID}


def test_two_films_of_a_series_are_two_in_the_report_and_have_no_trend(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d"),
        "petra",
    )
    dark = np.full((240, 320), 100, np.uint16)
    job = done(storage, film("pair", 1), film("pair", 2, pixels=dark))
    counts = [one.value for one in storage.findings.of_job(job.job_id) if one.value is not None]
    assert sorted(counts) == [0.0, 1.0]
    evidence = gather(storage, study_uid("pair"))
    sentences = list(findings_sentences(evidence, load_locale("en")))
    named = {uid for sentence in sentences for uid in sentence.finding_ids}
    assert named == {one.finding_id for one in storage.findings.of_job(job.job_id)}
    assert not any(fact.is_comparable for fact in evidence.facts)


def test_a_series_of_more_images_than_the_card_allows_is_not_taken(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "m", images_at_most=2),
        "petra",
    )
    decision = decided(storage, *(film("three", number) for number in (1, 2, 3)))
    assert not decision.accepted
    assert "3 images that the model takes; its card takes 2" in decision.reason


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"output": "image-captioning"}, "model.output"),
        ({"heat_map": {"grid": 1}}, "heat_map.grid"),
        ({"image": {"grey": {"values": [5, 1]}}}, "the lesser value first"),
        ({"image": {"orientation": ["L", "R"]}}, "at right angles"),
        ({"image": {"mean": [0.5]}}, "mean and std belong together"),
        ({"labels": {}}, "names no labels"),
        ({"version": "../x"}, "model.version"),
        ({"frames": {"combine": "median"}}, "model.frames.combine"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    storage: Storage, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    folder = bright_classifier(tmp_path / "m")
    write_card(folder, image_card(**{"output": "image-classification", **change}))
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def test_a_gate_is_refused_since_nothing_would_come_of_it(storage: Storage, tmp_path: Path) -> None:
    folder = bright_segmenter(tmp_path / "s")
    card = json.loads((folder / "mediview.json").read_text())
    gated = {**card, "gate": {"dice": {"at_least": 0.9}}, "prior": {"within_days": 400}}
    (folder / "mediview.json").write_text(json.dumps(gated))
    with pytest.raises(InvalidRequest, match="none yet of image-segmentation with a prior"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    folder = bright_classifier(tmp_path / "m")
    card = json.loads((folder / "mediview.json").read_text())
    gated = {**card, "gate": {"dice": {"at_least": 0.9}}}
    (folder / "mediview.json").write_text(json.dumps(gated))
    with pytest.raises(InvalidRequest, match="gate knows no dice; it knows cases, failures, auc"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


class WidestFilm:
    """A pipeline of another package: it measures films itself, and chooses none."""

    name, version, title = "widest-film", "1", "Widest film"
    description, accepts_text = "How many columns a film has.", "Any film."
    input_kind = "dicom-image"
    card = ModelCard("ruler", "1", "Apache-2.0", "tests", "Research use only.", "A film.")

    def readiness(self) -> Readiness:
        return Readiness(True, "")

    def accepts(self, series: Any, instances: Any, headers: Any) -> Acceptance:
        return Acceptance(series.modality == "DX", "A series of films.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        def measured(dataset: Dataset) -> ImageResult:
            frame = read_frame(dataset, 0, Grey())
            return ImageResult(
                str(dataset.SOPInstanceUID),
                (frame.values * 255).astype(np.uint8),
                measurements=(
                    Measurement(
                        "Columns", Code("columns", "99TEST", "Columns"), float(frame.shape[1]),
                        Code("{pixels}", "UCUM", "pixels"),
                    ),
                ),
            )  # fmt: skip

        return PipelineOutput(images=tuple(measured(one) for one in context.images))


def test_a_pipeline_of_another_package_measures_each_film(storage: Storage, tmp_path: Path) -> None:
    pipelines = (WidestFilm(),)
    wide = np.full((48, 100), 7, np.uint16)
    receive(storage, [part10(film("own", 1)), part10(film("own", 2, pixels=wide))])
    (decision,) = complete_and_schedule(storage, later(10), pipelines)
    job = run_job(storage, decision.job_id or "", "worker", pipelines=pipelines)
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    found = {one.image.sop_instance_uid: one for one in storage.findings.of_job(job.job_id)
             if one.image}  # fmt: skip
    assert found[film("own", 1).SOPInstanceUID].value == 320
    assert found[film("own", 2).SOPInstanceUID].value == 100
    assert len({one.tracking_uid for one in found.values()}) == 2
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []


def test_pickles_code_and_changed_weights_are_refused(storage: Storage, tmp_path: Path) -> None:
    import torch

    folder = vit(tmp_path / "vit")
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InvalidRequest, match=r"pytorch_model\.bin: code or pickles"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (folder / "pytorch_model.bin").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(InvalidRequest, match="auto_map"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (folder / "config.json").write_text(json.dumps(config))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    installed = next(storage.settings.resolved_models_dir.glob("bright-part@*"))
    (installed / "model.safetensors").write_bytes(b"other")
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert not pipeline.readiness().ready
    with pytest.raises(ModelUnusable, match="has changed since it was added"):
        pipeline.run(PipelineContext(storage.settings, images=(film("changed"),)))


def test_weights_that_do_not_fill_the_network_are_refused(storage: Storage, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = vit(tmp_path / "vit")
    weights = load_file(folder / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnusable, match="lack 1 that its configuration asks for"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def test_a_model_that_attends_to_nothing_is_refused(storage: Storage, tmp_path: Path) -> None:
    import torch

    class Always(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, 1.0]]).expand(x.shape[0], 2)

    folder = write_card(tmp_path / "m", image_card("image-classification"))
    script(folder, Always())
    with pytest.raises(ModelUnusable, match="answers a blank image like any other"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def test_a_rerun_gives_the_same_objects(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d"),
        "petra",
    )
    datasets = film("again", 1), film("again", 2)
    job = done(storage, *datasets)
    first = [one["sop_instance_uid"] for one in job.result["instances"]]
    assert len(set(first)) == len(first)
    late = film("again", 3)
    second = done(storage, late)
    assert second.job_id != job.job_id
    assert len({one["sop_instance_uid"] for one in second.result["instances"]} & set(first)) == 0
