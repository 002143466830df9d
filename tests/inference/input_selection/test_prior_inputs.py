"""A series of an earlier study beside one of the study at hand: found, stated, revised, refused."""

import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from api.jobs.serializers import job_payload
from inference.access_groups.service import apply_rules
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipelines.codes import CM3
from inference.scheduling import later_studies
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job, Series
from storage.core.errors import InvalidRequest, StorageUnavailable
from storage.core.findings import Finding
from storage.jobs.withdrawals import NO_PRIOR_ANY_MORE
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests import builders
from tests.inference.imaging.registration import drawn_head
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints, save
from tests.inference.scheduling.four_sequences import centres, files

PIPELINE = "model-new-lesions"
NOW = "2.25.9001"
SPACING_MM = (3.0, 2.0, 2.0)
SHAPE = (24, 40, 44)
OLD_MM, NEW_MM, RADIUS_MM = np.array([-14.0, 0.0, 0.0]), np.array([14.0, 4.0, -2.0]), 9.0


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def chest(study: str, date: str, *places_mm: Any, number: int = 3, **changes: Any) -> list[Dataset]:
    """A CT with bright balls, all of one Frame of Reference unless stated."""
    grid: dict[str, Any] = {"spacing_mm": SPACING_MM, "origin_mm": (-44, -40, -36)}
    attributes: dict[str, Any] = {
        "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.{number}", "StudyDate": date,
        "SeriesNumber": number, "FrameOfReferenceUID": "2.25.9000", "StudyTime": "101500",
        "BodyPartExamined": "CHEST", "PositionReferenceIndicator": "", **changes,
    }  # fmt: skip
    seed = int(study.rsplit(".", maxsplit=1)[-1]) + number
    voxels = np.full(SHAPE, 40, np.int16)
    empty = builders.series(voxels, modality="CT", seed=seed, **grid, **attributes)
    where = centres(SHAPE, assemble_volume(empty).lps_from_kji)
    for place in places_mm:
        voxels[((where - place) ** 2).sum(axis=-1) < RADIUS_MM**2] = 900
    return builders.series(voxels, modality="CT", seed=seed, **grid, **attributes)


def card(**before: Any) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0",
        "inputs": {
            "now": {
                "title": "CT of the chest",
                "accepts": {"all": [{"Modality": "CT"}, {"BodyPartExamined": "CHEST"}]},
            },
            "before": {
                "title": "CT before", "prior_of": "now", "within_days": 730, "required": False,
                **before,
            },
        },
        "reference": "now",
        "segments": {
            "1": {
                "label": "New", "code": ["52988006", "SCT", "Lesion"],
                "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
            }
        },
        "model": {
            "name": "New lesions", "version": "1.0", "modality": "CT", "output": "segmentation",
            "labels": {"1": "new"}, "intensity": {"values": [0, 900]}, "tile": [32, 32, 32],
        },
    }  # fmt: skip


def body(study: str, date: str, lies: Any, *places_mm: Any, **changes: Any) -> list[Dataset]:
    """A drawn head as a CT of the chest would be, dark, with bright balls, wherever it lay."""
    shape, grid = (56, 84, 74), {"spacing_mm": (3.4, 2.5, 2.5), "origin_mm": (-92, -104, -93)}
    attributes: dict[str, Any] = {
        "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.3", "StudyDate": date,
        "SeriesNumber": 3, "FrameOfReferenceUID": "2.25.9000", "BodyPartExamined": "CHEST",
        "PositionReferenceIndicator": "", "intercept": -1000.0, **grid, **changes,
    }  # fmt: skip
    seed = int(study.rsplit(".", maxsplit=1)[-1])
    empty = builders.series(np.zeros(shape, np.int16), modality="CT", seed=seed, **attributes)
    affine = assemble_volume(empty).lps_from_kji
    voxels = drawn_head.drawn("t1", shape, affine, lies, seed)
    where = centres(shape, affine)
    for place in places_mm:
        voxels[((where - place) ** 2).sum(axis=-1) < RADIUS_MM**2] = 1500
    return builders.series(voxels, modality="CT", seed=seed, **attributes)


def network_in(folder: Path) -> None:
    """TorchScript of two channels that finds what is bright now and was not before."""
    import torch

    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(2, 2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-20.0, 20.0], [20.0, -20.0]]).reshape(2, 2, 1, 1, 1))
        network.bias.copy_(torch.tensor([10.0, -10.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.zeros(1, 2, 8, 8, 8)).save(str(folder / "model.ts"))


def added(storage: Storage, folder: Path, stated: dict[str, Any]) -> None:
    network_in(folder)
    (folder / "mediview.json").write_text(json.dumps(stated))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def decided(storage: Storage, *received: list[Dataset], study: str = NOW) -> Decision:
    """What the pipeline says of the first series of the study once the given ones are complete."""
    for one in received:
        receive(storage, files(one))
    complete_and_schedule(storage, later(10))
    found = {
        one.series_instance_uid: one
        for one in storage.decisions.of_study(study)
        if one.pipeline == PIPELINE
    }
    return found[f"{study}.3"]


def done(storage: Storage, decision: Decision) -> Job:
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def volumes(storage: Storage, job: Job) -> list[Finding]:
    return [one for one in storage.findings.of_job(job.job_id) if one.unit == CM3]


def test_a_model_is_given_the_nearest_earlier_study_and_the_result_says_so(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    decision = decided(
        storage,
        chest("2.25.9100", "20240301", NEW_MM),
        chest("2.25.9200", "20250301", OLD_MM, PatientID="SOMEBODY-ELSE"),
        chest("2.25.9300", "20241231", OLD_MM),
        chest(NOW, "20251231", OLD_MM, NEW_MM),
    )
    assert decision.accepted
    assert "CT of the chest: series 3, CT before: series 3 of 2024-12-31." in decision.reason
    job = done(storage, decision)
    payload = job_payload(storage.jobs.get(job.job_id)).model_dump(mode="json")
    by_role = {one["role"]: one for one in payload["inputs"]}
    assert by_role["now"]["prior"] is None
    assert by_role["before"]["series_instance_uid"] == "2.25.9300.3"
    assert by_role["before"]["prior"] == {
        "study_instance_uid": "2.25.9300", "study_date": "2024-12-31", "days_before": 365,
    }  # fmt: skip
    assert "CT before is of the study of 2024-12-31, 365 days before." in payload["notes"]
    # The ball that was there before is no finding.
    (one,) = volumes(storage, job)
    assert one.value == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.1)
    made = {
        one["kind"]: storage.index.instance(one["sop_instance_uid"])
        for one in job.result["instances"]
    }
    assert {one.study_instance_uid for one in made.values()} == {NOW}
    report = pydicom.dcmread(io.BytesIO(storage.instances.read(made["SR"])))
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    texts = [str(one.value) for one in report.iterall() if one.keyword == "TextValue"]
    assert "prior_before=2024-12-31" in texts
    (other,) = report.PertinentOtherEvidenceSequence
    assert other.StudyInstanceUID == "2.25.9300"
    wanted = AuditFilter(study_instance_uid="2.25.9300", text=PIPELINE)
    events, _ = find_events(storage.engine, wanted, 9, 0)
    assert {NOW, "2.25.9300"} in [set(one.study_instance_uids) for one in events]


def test_a_prior_that_comes_later_revises_the_result_and_a_nearer_one_once_more(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    first = done(storage, decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM)))
    assert "before" not in {one["role"] for one in first.result["inputs"]}
    assert any("CT before not there, given as zeros" in one for one in first.result["notes"])
    older = chest("2.25.9100", "20240301", NEW_MM)
    second = done(storage, decided(storage, older))
    assert storage.jobs.get(first.job_id).status == "SUPERSEDED"
    third = done(storage, decided(storage, chest("2.25.9300", "20241231", OLD_MM)))
    assert storage.jobs.get(second.job_id).status == "SUPERSEDED"
    # One that is too old, of another body part or of no earlier day changes nothing.
    for study, date, changes in (
        ("2.25.9400", "20230101", {}),
        ("2.25.9500", "20251001", {"BodyPartExamined": "HEAD"}),
        ("2.25.9600", "20260101", {}),
    ):
        found = decided(storage, chest(study, date, **changes))
        assert found.job_id == third.job_id
    # A late slice of the prior withdraws what was made with it.
    late = chest("2.25.9300", "20241231", OLD_MM, number=3)[-1]
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = "2.25.9999"
    late.ImagePositionPatient[2] = float(late.ImagePositionPatient[2]) + SPACING_MM[0]
    receive(storage, files([late]))
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(third.job_id).status == "SUPERSEDED"
    revised = decided(storage)
    assert revised.job_id != third.job_id
    assert "CT before: series 3 of 2024-12-31" in revised.reason


def test_a_required_prior_that_is_not_here_is_named(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", card(required=True))
    assert decided(storage, chest("2.25.9100", "20201231"), study="2.25.9100").reason == (
        "No prior CT of the chest within 2 years: no earlier study of the patient is here."
    )
    found = decided(storage, chest(NOW, "20251231", NEW_MM))
    assert not found.accepted
    assert found.reason == (
        "No prior CT of the chest within 2 years: the nearest earlier study is of 2020-12-31."
    )
    found = decided(storage, chest("2.25.9200", "20250101", OLD_MM, BodyPartExamined="HEAD"))
    assert found.reason == (
        "No prior CT of the chest within 2 years. series 3 of 2025-01-01: The card wants"
        " BodyPartExamined CHEST (found HEAD)."
    )
    elsewhere = chest("2.25.9300", "20250201", OLD_MM, FrameOfReferenceUID="2.25.7")
    assert "A card may ask for registration." in decided(storage, elsewhere).reason
    assert decided(storage, chest("2.25.9400", "20250301", OLD_MM)).accepted


def test_a_series_that_names_another_patient_is_no_prior(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", card(required=True))
    of_another = chest("2.25.9300", "20241231", OLD_MM, number=4, PatientID="SOMEBODY-ELSE")
    receive(storage, files(chest("2.25.9300", "20241231", OLD_MM, BodyPartExamined="HEAD")))
    found = decided(storage, of_another, chest(NOW, "20251231", NEW_MM))
    assert not found.accepted
    assert "series 4 of 2024-12-31: It names another patient than its study." in found.reason


def test_the_population_of_a_result_is_that_of_the_study_alone(
    storage: Storage, tmp_path: Path
) -> None:
    stated = card()
    stated["population"] = {"age_years": [20, 90]}
    added(storage, tmp_path / "m", stated)
    child = chest("2.25.9300", "20241231", OLD_MM, PatientAge="012Y")
    decision = decided(storage, child, chest(NOW, "20251231", NEW_MM, PatientAge="040Y"))
    job = done(storage, decision)
    caveats = [caveat for one in storage.findings.of_job(job.job_id) for caveat in one.caveats]
    assert not [one for one in [*job.result["notes"], *caveats] if one.startswith("Outside")]


def test_a_prior_that_is_deleted_leaves_the_result_and_delays_no_job(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    job = done(
        storage,
        decided(
            storage,
            chest("2.25.9300", "20241231", OLD_MM),
            chest(NOW, "20251231", OLD_MM, NEW_MM),
        ),
    )
    storage.deletions.study("2.25.9300")
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(job.job_id).status == "COMPLETED"
    waiting = decided(storage, chest("2.25.9400", "20250301", NEW_MM))
    storage.deletions.study("2.25.9400")
    ended = run_job(storage, waiting.job_id or "", "worker")
    assert ended is not None
    assert ended.status == "SUPERSEDED"
    without = done(storage, decided(storage))
    assert [one["role"] for one in without.result["inputs"]] == ["now"]


def test_what_was_made_with_the_prior_of_somebody_else_is_withdrawn(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    job = done(
        storage,
        decided(
            storage,
            chest("2.25.9300", "20241231", OLD_MM),
            chest(NOW, "20251231", OLD_MM, NEW_MM),
        ),
    )
    moved = Statement(
        "move", PatientKey("OTHER", ""), Demographics("Other^One"), study_instance_uid="2.25.9300"
    )
    storage.patient_changes.record([moved], Origin("ada", "account:1", reason="wrong"), utcnow())
    withdraw_outdated(storage, utcnow())
    withdrawn = storage.jobs.get(job.job_id)
    assert withdrawn.status == "SUPERSEDED"
    assert "of another patient" in withdrawn.reason
    again = decided(storage)
    assert again.job_id != job.job_id
    assert "no earlier study of the patient is here" in again.reason


def test_a_study_whose_prior_went_is_decided_on_again_whatever_fails_meanwhile(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends between the two, and another study that cannot be read."""
    added(storage, tmp_path / "m", card())
    other = "2.25.9002"
    prior, one = chest("2.25.9300", "20241231", OLD_MM), chest(other, "20251231", NEW_MM)
    lost = decided(storage, prior, one, study=other)
    kept = decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM))
    moved = Statement(
        "move", PatientKey("OTHER", ""), Demographics("Other^One"), study_instance_uid="2.25.9300"
    )
    storage.patient_changes.record([moved], Origin("ada", "account:1", reason="wrong"), utcnow())
    for job_id in (lost.job_id or "", kept.job_id or ""):
        assert storage.withdrawals.supersede(job_id, NO_PRIOR_ANY_MORE, utcnow())
    assert storage.index.priors.no_longer_of() == []
    really = later_studies.decide_on_study

    def fails_once(storage: Storage, series: Series, *rest: Any, **others: Any) -> Decision:
        if series.study_instance_uid == other:
            raise StorageUnavailable("The volume is away.", remedy="Mount it.")
        return really(storage, series, *rest, **others)

    with monkeypatch.context() as patch:
        patch.setattr(later_studies, "decide_on_study", fails_once)
        withdraw_outdated(storage, utcnow())
    assert decided(storage).accepted
    assert decided(storage).job_id != kept.job_id
    assert decided(storage, study=other).job_id == lost.job_id
    withdraw_outdated(storage, utcnow())
    assert decided(storage, study=other).job_id not in ("", None, lost.job_id)


def test_a_later_study_that_fails_holds_up_no_series_and_is_asked_again(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(storage, tmp_path / "m", card())
    first = decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM))
    really = later_studies.decide_on_study

    def fails(storage: Storage, *_: Any, **__: Any) -> Decision:
        raise StorageUnavailable("The volume is away.", remedy="Mount it.")

    again: list[Series] = []
    receive(storage, files(chest("2.25.9300", "20241231", OLD_MM)))
    with monkeypatch.context() as patch:
        patch.setattr(later_studies, "decide_on_study", fails)
        complete_and_schedule(storage, later(10), ask_later_again=again)
    assert later_studies.decide_on_study is really
    assert decided(storage, study="2.25.9300").accepted
    assert decided(storage).job_id == first.job_id
    complete_and_schedule(storage, later(10), ask_later_again=again)
    assert again == []
    assert "CT before: series 3 of 2024-12-31" in decided(storage).reason


def test_a_prior_that_not_everybody_may_see_is_none(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", card())
    groups = storage.access_groups
    groups.add("North")
    groups.add("South")
    before, now = chest("2.25.9300", "20241231", OLD_MM), chest(NOW, "20251231", OLD_MM, NEW_MM)
    for one in (before, now):
        receive(storage, files(one))
    groups.assign("North", "2.25.9300")
    groups.assign("South", NOW)
    apply_rules(storage, utcnow(), budget_s=60)
    groups.enforce(True)
    assert "no earlier study of the patient is here" in decided(storage).reason
    groups.assign("South", "2.25.9300")
    job = done(storage, decided(storage, chest("2.25.9300", "20241231", NEW_MM, number=4)))
    assert "before" in {one["role"] for one in job.result["inputs"]}
    groups.unassign("South", "2.25.9300")
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"


@pytest.mark.slow
def test_a_model_that_compares_is_added_and_run_as_its_page_says(tmp_path: Path) -> None:
    """The patient lay elsewhere, in a space of its own, and has a new lesion since."""
    page = (Path(__file__).parents[3] / "docs" / "pipelines" / "priors.md").read_text()
    found = re.search(r"^( *)```json card\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    with storage_in(tmp_path) as storage:
        folder = tmp_path / "new_lesions"
        network_in(folder)
        (folder / "mediview.json").write_text(found[2])
        assert "   mediview models add new_lesions\n" in page
        output = mediview(tmp_path, storage, "models", "add", "new_lesions")
        assert f"It is active: the pipeline {PIPELINE} runs with it." in output
        lay = drawn_head.moved((3, -2, 4), (5, -6, 8))
        job = done(
            storage,
            decided(
                storage,
                body("2.25.9300", "20241231", lay, FrameOfReferenceUID="2.25.9001"),
                body(NOW, "20251231", np.eye(4), NEW_MM),
            ),
        )
        (_, before) = sorted(job.result["inputs"], key=lambda one: one["role"], reverse=True)
        registration = before["registration"]
        assert (
            np.abs(np.array(registration["reference_from_input"]) - np.linalg.inv(lay)).max() < 1.5
        )
        assert registration["residual_mm"] < 3
        (one,) = volumes(storage, job)
        assert one.value == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.25)


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ({"prior_of": "nwo"}, r"prior_of of before is 'nwo'.*now \(did you mean 'now'\?\)"),
        ({"prior_of": "before"}, "must name an input of the study itself: now"),
        ({"within_days": None}, "prior_of needs within_days"),
        ({"prior_of": ""}, "name what it is the prior_of"),
        ({"prior_of": "", "within_days": None}, "accepts is missing"),
        ({"prior_off": "now"}, r"inputs.before.prior_off: .* \(did you mean 'prior_of'\?\)"),
    ],
)
def test_a_card_whose_prior_does_not_fit_is_refused(
    storage: Storage, tmp_path: Path, before: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        added(storage, tmp_path / "m", card(**before))
    stated = card()
    stated["reference"] = "before"
    with pytest.raises(InvalidRequest, match="reference must name a required input"):
        added(storage, tmp_path / "n", stated)
