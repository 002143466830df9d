"""Trials of models of several series or images, with priors, and on results of other pipelines.

Each finds what the job finds that is made of the same, but for the axes of single lesions, which
are measured where they are compared with those of other studies.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.model_registry.adding import add_model
from inference.model_registry.status import standing_named
from inference.model_trial.trying import Trial, try_pipeline
from inference.results.narrative import shown_value
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.films import part10
from tests.inference.input_selection import chained, earlier_studies
from tests.inference.input_selection.two_pipelines import both
from tests.inference.orchestration import receive, storage_in
from tests.inference.scheduling import four_sequences
from tests.inference.single_images import test_prior_images as prior_films
from tests.inference.single_images.several import test_several_images as views
from tests.inference.single_images.support import PIPELINE
from tests.inference.small import study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def tried(storage: Storage, pipeline: str, study: str) -> list[Trial]:
    standing = standing_named(storage.settings, storage.model_states, pipeline)
    before = storage.jobs.list()[1], storage.findings.of_study(study)
    found = list(try_pipeline(storage, standing.pipeline, study))
    assert before == (storage.jobs.list()[1], storage.findings.of_study(study))
    return found


def same_as_job(storage: Storage, trial: Trial, job: Job) -> None:
    found = storage.findings.of_job(job.job_id)
    stated = {f"{one.label}: {shown_value(one)}".rstrip(": ") for one in found}
    assert set(trial.lines) == {one for one in stated if not re.search("(long|short) axis:", one)}


def test_a_model_of_four_series_finds_in_a_trial_what_its_job_finds(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        four_sequences.model(tmp_path / "m"),
        "petra",
    )
    *first, flair = four_sequences.all_four()
    four_sequences.decided(storage, *first, four_sequences.sequence("t2", 9, shape=(3, 40, 40)))
    missing = tried(storage, four_sequences.PIPELINE, four_sequences.STUDY)
    assert len(missing) == 4
    assert all(not one.taken and one.reason.startswith("No series is FLAIR") for one in missing)
    found = four_sequences.decided(storage, flair)
    reference, *others = tried(storage, four_sequences.PIPELINE, four_sequences.STUDY)
    assert reference.series.series_number == 3
    assert "FLAIR: series 5" in reference.reason
    assert reference.picture is not None
    assert {one.series.series_number: (one.taken, one.reason) for one in others} == {
        2: (True, "Given to the model as T1."),
        4: (True, "Given to the model as T2."),
        5: (True, "Given to the model as FLAIR."),
        9: (False, "This series is none of its inputs."),
    }
    same_as_job(storage, reference, four_sequences.done(storage, found[3]))


def test_a_model_of_four_views_is_tried_and_shows_each(storage: Storage, tmp_path: Path) -> None:
    views.added(storage, tmp_path / "m")
    found = views.decisions(storage, *views.four())
    reference, *others = tried(storage, views.PIPELINE, views.STUDY)
    assert {one.reason for one in others} == {
        f"Given to the model as {side} {view}."
        for side, view in (("left", "CC"), ("right", "MLO"), ("left", "MLO"))
    }
    same_as_job(storage, reference, views.done(storage, found[0].job_id))
    assert reference.picture is not None
    # Four beside each other.
    assert reference.picture.width > 3 * reference.picture.height / 2


def test_a_volume_is_tried_with_its_prior_and_the_audit_trail_has_both_studies(
    storage: Storage, tmp_path: Path
) -> None:
    earlier_studies.added(storage, tmp_path / "m", earlier_studies.card())
    now, old_mm, new_mm = earlier_studies.NOW, earlier_studies.OLD_MM, earlier_studies.NEW_MM
    decision = earlier_studies.decided(
        storage,
        earlier_studies.chest("2.25.9300", "20241231", old_mm),
        earlier_studies.chest(now, "20251231", old_mm, new_mm),
    )
    (trial,) = tried(storage, earlier_studies.PIPELINE, now)
    assert "CT before: series 3 of 2024-12-31" in trial.reason
    assert "CT before is of the study of 2024-12-31, 365 days before." in trial.notes
    wanted = AuditFilter(study_instance_uid="2.25.9300", text=earlier_studies.PIPELINE)
    (event,), _ = find_events(storage.engine, wanted, 9, 0)
    assert set(event.study_instance_uids) == {now, "2.25.9300"}
    same_as_job(storage, trial, earlier_studies.done(storage, decision))


def test_a_film_is_tried_with_that_of_an_earlier_study(storage: Storage, tmp_path: Path) -> None:
    prior_films.added(storage, tmp_path / "m")
    now = prior_films.chest("now", "20251231", prior_films.TOP)
    receive(storage, [part10(now)])
    (alone,) = tried(storage, PIPELINE, study_uid("now"))
    assert not alone.taken
    assert "no earlier study of the patient is here" in alone.reason
    decision = prior_films.decided(storage, prior_films.chest("before", "20241231"), now)
    (trial,) = tried(storage, PIPELINE, study_uid("now"))
    assert "With the prior image of 2024-12-31 for each." in trial.reason
    same_as_job(storage, trial, prior_films.done(storage, decision))


def test_a_model_in_a_chain_is_tried_on_what_the_other_has_found(
    storage: Storage, tmp_path: Path
) -> None:
    both(storage, tmp_path)
    chained.decided(storage, chained.chest())
    (waits,) = tried(storage, chained.NODULES, chained.STUDY)
    assert waits.reason == f"Waits for Lungs: {chained.LUNGS} on series 3 has not ended yet."
    chained.done(storage, chained.decided(storage, pipeline=chained.LUNGS))
    (trial,) = tried(storage, chained.NODULES, chained.STUDY)
    assert f"Lungs: {chained.LUNGS} 1.0 on series 3" in trial.reason
    same_as_job(storage, trial, chained.done(storage, chained.decided(storage)))
