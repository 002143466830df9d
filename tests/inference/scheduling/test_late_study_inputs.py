"""A series that comes late, grows, or goes, to a pipeline that takes several."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.model_registry.adding import add_model
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.withdrawals.late_instances import withdraw_outdated
from storage.container import Storage
from storage.core.clock import utcnow
from tests.inference.orchestration import receive, storage_in
from tests.inference.scheduling.four_sequences import (
    PIPELINE,
    STUDY,
    all_four,
    card,
    decided,
    done,
    files,
    model,
    sequence,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.mark.slow
def test_the_missing_role_is_named_and_its_series_brings_the_job(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model(tmp_path / "m"), "petra"
    )
    t1, t1c, t2, flair = all_four()
    found = decided(storage, t1, t1c, t2)
    assert not any(one.accepted for one in found.values())
    reason = found[4].reason
    assert "No series is FLAIR." not in reason
    assert reason.startswith("There is no other complete series for FLAIR.")
    first = decided(storage, sequence("t2", 8, SeriesInstanceUID="2.25.88"))
    assert "No series is FLAIR. series 8: The card wants mr_contrast FLAIR (found T2)" in (
        first[8].reason
    )
    found = decided(storage, flair)
    assert {number for number, one in found.items() if one.accepted} == {2, 3, 4, 5}
    assert found[8].reason.startswith("This series is none of its inputs.")
    explained = {
        one.series.series_number: one
        for one in explain_study(
            storage.settings,
            storage.index,
            storage.instances,
            storage.worklist,
            storage.model_states,
            results_in(storage),
            STUDY,
        )
        if one.pipeline == PIPELINE
    }
    assert explained[5].would_run
    assert not explained[8].would_run
    # The others asked of every pipeline, too.
    for series in storage.index.series_of(STUDY):
        asked = {
            one.pipeline
            for one in storage.acceptance_decisions.of_study(STUDY)
            if one.series_instance_uid == series.series_instance_uid
        }
        assert {"brain-volume", "lung-density", PIPELINE} <= asked


@pytest.mark.slow
def test_a_late_slice_of_any_input_withdraws_the_result_and_makes_it_again(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model(tmp_path / "m"), "petra"
    )
    t1, t1c, t2, flair = all_four()
    job = done(storage, decided(storage, t1, t1c, t2[:-1], flair)[5])
    assert withdraw_outdated(storage, utcnow()) == 0
    assert storage.jobs.is_current(storage.jobs.get(job.job_id))
    receive(storage, files(t2[-1:]))
    assert not storage.jobs.is_current(storage.jobs.get(job.job_id))
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    assert storage.findings.of_study(STUDY) == []
    revised = done(storage, decided(storage)[4])
    assert revised.job_id != job.job_id
    assert {one.job_id for one in storage.findings.of_study(STUDY)} == {revised.job_id}
    first, second = (
        {one["sop_instance_uid"] for one in of.result["instances"]} for of in (job, revised)
    )
    assert not first & second


@pytest.mark.slow
def test_a_finer_series_takes_the_place_of_the_one_before(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model(tmp_path / "m"), "petra"
    )
    before = done(storage, decided(storage, *all_four())[2])
    finer = sequence(
        "flair", 6, SeriesInstanceUID="2.25.86", shape=(60, 52, 54), spacing_mm=(1.3, 1.4, 1.4)
    )
    found = decided(storage, finer)
    assert "FLAIR: series 6" in found[6].reason
    assert found[5].reason.startswith("This series is none of its inputs.")
    assert storage.jobs.get(before.job_id).status == "SUPERSEDED"
    done(storage, found[6])
    assert {one.job_id for one in storage.findings.of_study(STUDY)} == {found[6].job_id}


@pytest.mark.slow
def test_what_is_not_required_may_be_absent_and_comes_later(
    storage: Storage, tmp_path: Path
) -> None:
    stated = card()["inputs"]
    stated["t2"]["required"] = False
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        model(tmp_path / "m", inputs=stated),
        "petra",
    )
    t1, t1c, t2, flair = all_four()
    found = decided(storage, t1, t1c, flair, sequence("t2", 9, FrameOfReferenceUID="2.25.999"))
    assert (
        "Without T2, which is not required. No series is T2. series 5: The card wants mr_contrast"
        " T2 (found FLAIR). series 9: It has another Frame of Reference than series 3"
    ) in found[3].reason
    job = done(storage, found[3])
    assert any("T2 not there, given as zeros" in one for one in job.result["notes"])
    later_job = done(storage, decided(storage, t2)[4])
    assert later_job.job_id != job.job_id
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"


@pytest.mark.slow
def test_a_deleted_input_takes_the_result_along(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model(tmp_path / "m"), "petra"
    )
    four = all_four()
    job = done(storage, decided(storage, *four)[2])
    storage.deletions.series(STUDY, four[3][0].SeriesInstanceUID)
    jobs, _ = storage.jobs.list(study_instance_uid=STUDY)
    assert job.job_id not in {one.job_id for one in jobs}
    assert storage.jobs.inputs_of(job.job_id) == []
    assert storage.findings.of_study(STUDY) == []
