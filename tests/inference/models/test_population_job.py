"""A study outside of a card's field strength: refused, or marked in all that comes of it."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom

from inference.models.population import Population
from inference.reports.draft import draft_study
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import BrightRegion, changed, mr_series, study_uid

STUDY = study_uid("head")
# In gauss, as some write it.
SEVEN_TESLA = {"MagneticFieldStrength": "70000"}
REASON = "field strength 7 T (1.5 to 3 T)"
LIMITED = Population(field_strength_t=(1.5, 3.0))


def pipeline(population: Population) -> BrightRegion:
    plain = BrightRegion()
    return replace(plain, card=replace(plain.card, population=population))


def test_a_field_strength_outside_is_refused_where_the_card_says_so(tmp_path: Path) -> None:
    refusing = pipeline(replace(LIMITED, on_outside="refuse"))
    with storage_in(tmp_path) as storage:
        receive(storage, [changed(one, **SEVEN_TESLA) for one in mr_series("head")])
        (decision,) = complete_and_schedule(storage, later(10), [refusing])
    assert not decision.accepted
    assert REASON in decision.reason


def test_a_field_strength_outside_is_said_in_finding_sr_and_report(tmp_path: Path) -> None:
    marking = pipeline(LIMITED)
    with storage_in(tmp_path) as storage:
        receive(storage, [changed(one, **SEVEN_TESLA) for one in mr_series("head")])
        (decision,) = complete_and_schedule(storage, later(10), [marking])
        job = run_job(storage, decision.job_id or "", "worker", pipelines=[marking])
        assert job is not None
        (finding,) = storage.findings.of_study(STUDY)
        (caveat,) = finding.caveat_texts
        assert REASON in caveat
        (made,) = [one for one in job.result["instances"] if one["kind"] == "SR"]
        stored = storage.index.instance(made["sop_instance_uid"])
        document = pydicom.dcmread(BytesIO(storage.instances.read(stored)))
        assert REASON in document.to_json()
        report = draft_study(storage, STUDY, "en")
        sentences = " ".join(one.text for one in report.sentences)
    assert "outside the population" in sentences
    # The technique states it in tesla.
    assert "7 T" in sentences
    assert "70000" not in sentences


# On the phantom's study date somebody of 64 years; the header states a child.
TWO_AGES = {"PatientBirthDate": "19600101", "PatientAge": "003Y"}


def test_two_ages_of_one_patient_are_said_in_finding_sr_and_report(tmp_path: Path) -> None:
    """Also where no reference values ask for the age."""
    with storage_in(tmp_path) as storage:
        receive(storage, [changed(one, **TWO_AGES) for one in mr_series("head")])
        (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
        job = run_job(storage, decision.job_id or "", "worker", pipelines=[BrightRegion()])
        assert job is not None
        (finding,) = storage.findings.of_study(STUDY)
        (caveat,) = finding.caveats
        assert caveat.kind == "ages_contradict"
        assert "3 years by PatientAge" in caveat.text
        (made,) = [one for one in job.result["instances"] if one["kind"] == "SR"]
        stored = storage.index.instance(made["sop_instance_uid"])
        document = pydicom.dcmread(BytesIO(storage.instances.read(stored)))
        assert "3 years by PatientAge" in document.to_json()
        stated = {
            language: " ".join(one.text for one in draft_study(storage, STUDY, language).sentences)
            for language in ("en", "de")
        }
    assert stated["en"].count("contradict each other") == 2  # in findings and impression
    assert "widersprechen sich" in stated["de"]
