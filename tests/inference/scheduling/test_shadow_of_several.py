"""Shadows of models of several series or images, with priors, and on results of other pipelines."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.model_registry import transitions
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.models.cards.card_file import CARD_FILE
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.shadow_agreement import AgreementSummary, summarised
from inference.scheduling.shadow_running import run_due_shadow
from inference.worker.run import run_job
from storage import tables as t
from storage.container import Storage
from storage.core.entities import Job
from storage.db.engine import writing
from storage.model_registry.shadow_runs import ShadowRun
from tests.inference.films import (
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    part10,
)
from tests.inference.input_selection import chained
from tests.inference.input_selection.two_pipelines import both
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.scheduling import four_sequences
from tests.inference.single_images import test_prior_images as prior_films
from tests.inference.single_images.several import test_several_images as views
from tests.inference.small import study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def in_shadow(storage: Storage, folder: Path) -> str:
    """Version 2.0 of the model that was added from the folder, the same in all but its number."""
    second = Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-2")))
    card = json.loads((second / CARD_FILE).read_text())
    card["model"]["version"] = "2.0"
    (second / CARD_FILE).write_text(json.dumps(card))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, second, "petra")
    name = str(card["model"]["name"]).lower().replace(" ", "-")
    standing = model_of(storage.settings, storage.model_states, name, "2.0")
    transitions.shadow(storage.model_states, storage.shadow_runs, standing, "petra")
    return name


def run_due(storage: Storage) -> None:
    """Also where others are to be first."""
    with writing(storage.engine) as connection:
        connection.execute(t.shadow_run.update().values(not_before=t.shadow_run.c.created_at))
    while run_due_shadow(storage) is not None:
        pass


def of_study(storage: Storage, name: str, study: str) -> ShadowRun:
    runs = storage.shadow_runs.of_model(name, "2.0")
    (run,) = [one for one in runs if one.study_instance_uid == study]
    return run


def compared(storage: Storage, name: str, study: str) -> AgreementSummary:
    run_due(storage)
    run = of_study(storage, name, study)
    assert (run.state, run.reason) == ("DONE", "")
    assert run.agreement["active_version"] == "1.0"
    return summarised([run])


def agrees(storage: Storage, name: str, job: Job, segment: str = "") -> None:
    """The shadow is the same model: it finds the same, and leaves nothing."""
    findings = storage.findings.of_study(job.study_instance_uid)
    found = compared(storage, name, job.study_instance_uid)
    assert {one.label: one.mean_dice for one in found.segments} == (
        {segment: 1.0} if segment else {}
    )
    assert all(one.mean_absolute_difference == pytest.approx(0) for one in found.measurements)
    assert found.measurements
    assert storage.findings.of_study(job.study_instance_uid) == findings


def test_of_four_series(storage: Storage, tmp_path: Path) -> None:
    folder = four_sequences.model(tmp_path / "m")
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    name = in_shadow(storage, folder)
    decision = four_sequences.decided(storage, *four_sequences.all_four())[3]
    agrees(storage, name, four_sequences.done(storage, decision), "Lesion")


def test_of_single_images_by_masks_boxes_and_answers(storage: Storage, tmp_path: Path) -> None:
    for build in (bright_segmenter, bright_detector, bright_classifier):
        folder = build(tmp_path / build.__name__, name=build.__name__.removeprefix("bright_"))
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        in_shadow(storage, folder)
    # The second one has nothing bright.
    dark = np.full((240, 320), 200, np.uint16)
    receive(storage, [part10(film("films")), part10(film("films", 2, pixels=dark))])
    complete_and_schedule(storage, later(10))
    jobs, _ = storage.jobs.list()
    done = {one.pipeline: run_job(storage, one.job_id, "worker") for one in jobs}
    for name, segment in (
        ("segmenter", "Bright part"),
        ("detector", "Lesion"),
        ("classifier", ""),
    ):
        job = done[f"model-{name}"]
        assert job is not None
        assert job.state == "COMPLETED", job.reason
        agrees(storage, name, job, segment)


def test_of_four_views(storage: Storage, tmp_path: Path) -> None:
    views.added(storage, tmp_path / "m")
    name = in_shadow(storage, tmp_path / "m")
    found = views.decisions(storage, *views.four())
    agrees(storage, name, views.done(storage, found[0].job_id))


def test_with_the_film_of_an_earlier_study_also_where_that_comes_later(
    storage: Storage, tmp_path: Path
) -> None:
    prior_films.added(storage, tmp_path / "m")
    name = in_shadow(storage, tmp_path / "m")
    assert not prior_films.decided(storage, prior_films.chest("now", "20251231")).accepted
    assert storage.shadow_runs.of_model(name, "2.0") == []
    prior_films.decided(storage, prior_films.chest("older", "20240601", prior_films.LEFT))
    older = of_study(storage, name, study_uid("now"))
    # A nearer one takes its place in the run that still waits.
    before = prior_films.chest("before", "20241231", prior_films.TOP)
    job = prior_films.done(storage, prior_films.decided(storage, before))
    run = of_study(storage, name, study_uid("now"))
    assert older.input_fingerprint != run.input_fingerprint == job.input_fingerprint
    agrees(storage, name, job)


def test_on_the_result_of_another_pipeline_once_it_is_there(
    storage: Storage, tmp_path: Path
) -> None:
    both(storage, tmp_path)
    name = in_shadow(storage, tmp_path / "nodules")
    assert not chained.decided(storage, chained.chest()).accepted
    assert storage.shadow_runs.of_model(name, "2.0") == []
    chained.done(storage, chained.decided(storage, pipeline=chained.LUNGS))
    job = chained.done(storage, chained.decided(storage))
    agrees(storage, name, job, "Nodule")
