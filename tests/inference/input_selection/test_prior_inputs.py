"""A series of an earlier study beside one of the study at hand: found, stated, revised, refused."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from api.jobs.serializers import job_payload
from inference.access_groups.service import apply_rules
from inference.withdrawals.late_instances import withdraw_outdated
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from tests.inference.imaging.registration import drawn_head
from tests.inference.input_selection.earlier_studies import (
    NEW_MM,
    NOW,
    OLD_MM,
    PIPELINE,
    RADIUS_MM,
    added,
    body,
    card,
    chest,
    decided,
    done,
    network_in,
    volumes,
)
from tests.inference.orchestration import receive, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints, save
from tests.inference.scheduling.four_sequences import files


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


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


def test_a_series_of_the_other_side_is_no_prior(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", card())
    right = chest("2.25.9300", "20241231", OLD_MM, number=4, Laterality="R")
    left = chest("2.25.9200", "20240531", OLD_MM, number=5, Laterality="L")
    found = decided(storage, right, chest(NOW, "20251231", NEW_MM, Laterality="L"))
    assert "series 4 of 2024-12-31: It states the other side of the body." in found.reason
    found = decided(storage, left)
    assert "CT before: series 5 of 2024-05-31" in found.reason


def test_the_population_of_a_result_is_that_of_the_study_alone(
    storage: Storage, tmp_path: Path
) -> None:
    stated = card()
    stated["population"] = {"age_years": [20, 90]}
    added(storage, tmp_path / "m", stated)
    child = chest("2.25.9300", "20241231", OLD_MM, PatientAge="012Y")
    decision = decided(storage, child, chest(NOW, "20251231", NEW_MM, PatientAge="040Y"))
    job = done(storage, decision)
    caveats = [caveat for one in storage.findings.of_job(job.job_id) for caveat in one.caveat_texts]
    assert not [one for one in [*job.result["notes"], *caveats] if one.startswith("Outside")]


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
