"""A value that failed a check, or of a patient outside the population, is no plain value."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from inference.imaging.volume import Volume
from inference.language.checking import evidence_of
from inference.pipeline import PipelineOutput
from inference.pipelines.codes import CM3
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from inference.volume_preparation.coverage import with_caveat
from storage.core.caveats import Caveat
from storage.core.entities import Job
from storage.core.findings import Validity
from tests.api.client import ApiNode
from tests.api.fhir.test_fhir import read
from tests.api.made import made_of
from tests.api.results.test_truncated import findings_of, numbers, output, result, series
from tests.inference.results_support import complaints, save

REASON = "12% of the tissue in the intracranial space belongs to no structure."


def doubtful(volume: Volume) -> PipelineOutput:
    """The brain as it is, with a caveat; a cerebellum that is not plausible."""
    whole = output(whole=True)(volume)
    brain, cerebellum = whole.measurements
    marked = replace(cerebellum, validity=Validity("implausible", reason=REASON))
    text = "Outside the population the model was made for: age 3 years (18 to 96 years)."
    caveat = Caveat("outside_population", text, ("age",))
    return with_caveat(replace(whole, measurements=(brain, marked)), caveat)


@pytest.fixture
def made(api: ApiNode) -> tuple[ApiNode, str, Job]:
    made_of(api, series("20230101", 1), output(whole=True))
    job, _ = made_of(api, series("20240101", 2), doubtful, ("PDF",))
    return api, job.study_instance_uid, job


def test_the_api_says_so_and_compares_nothing(made: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = made
    found = findings_of(api, study)
    validity = found["Cerebellum volume"]["validity"]
    assert (validity["state"], validity["reason"]) == ("implausible", REASON)
    assert found["Cerebellum volume"]["prior"] is None
    assert found["Cerebellum volume"]["normal_range"] is None
    # A caveat leaves the value, and is said with it.
    (caveat,) = found["Brain volume"]["validity"]["caveats"]
    assert "age 3 years (18 to 96 years)" in caveat
    (part,) = found["Brain volume"]["validity"]["caveat_parts"]
    assert part == {"kind": "outside_population", "limits": part["limits"], "text": caveat}
    assert found["Brain volume"]["prior"]["change_percent"] == 0
    trends = api.client.get(f"/api/studies/{study}/trend").json()["items"]
    points = {one["label"]: [point["study_date"] for point in one["points"]] for one in trends}
    assert "2024-01-01" not in points.get("Cerebellum volume", [])


def test_sr_and_fhir_set_it_apart(made: tuple[ApiNode, str, Job], tmp_path: Path) -> None:
    api, study, job = made
    document = result(api, job, "SR")
    assert complaints(save(document, tmp_path / "sr.dcm")) == []
    stated: dict[str, str] = {}
    for number in numbers(document):
        for item in number.get("ContentSequence") or ():
            if item.ValueType == "CODE" and item.ConceptCodeSequence[0].CodeValue == "IMPLAUSIBLE":
                stated["code"] = item.ConceptNameCodeSequence[0].CodeValue
            if item.ValueType == "TEXT" and "Not plausible" in item.TextValue:
                stated["text"] = item.TextValue
    assert stated["code"] == "111052"
    assert REASON in stated["text"]
    found = findings_of(api, study)
    part = found["Cerebellum volume"]
    observation = read(api.client.get(f"/fhir/Observation/{part['finding_id']}"), "Observation")
    assert observation.valueQuantity is None
    assert observation.dataAbsentReason.text == f"Not plausible. {REASON}"
    whole = api.client.get(f"/fhir/Observation/{found['Brain volume']['finding_id']}").json()
    assert whole["valueQuantity"]["value"] == found["Brain volume"]["value"]
    assert any("Outside the population" in note["text"] for note in whole["note"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "phrase", "outside"),
    [
        ("en", "not plausible and is compared with nothing", "outside the population"),
        ("de", "nicht plausibel und wird mit nichts verglichen", "außerhalb der Population"),
    ],
)
def test_the_report_words_it(
    made: tuple[ApiNode, str, Job], language: str, phrase: str, outside: str
) -> None:
    api, study, _ = made
    finding = findings_of(api, study)["Cerebellum volume"]
    sections = draft_sections(gather(api.storage, study), load_locale(language))
    sentences: list[Any] = [one for section in sections for one in section.sentences]
    about = [one for one in sentences if finding["finding_id"] in one.finding_ids]
    assert any(phrase in one.text for one in about)
    assert all(one.basis == "node" for one in about)
    value = load_locale(language).quantity(finding["value"], CM3)
    assert [one for one in about if value in one.text and phrase not in one.text] == []
    assert any(outside in one.text for one in sentences)


def test_the_pdf_prints_the_reasons(made: tuple[ApiNode, str, Job]) -> None:
    api, _, job = made
    with pypdfium2.PdfDocument(bytes(result(api, job, "PDF").EncapsulatedDocument)) as pdf:
        text = " ".join(pdf[0].get_textpage().get_text_range().split())
    assert "age 3 years (18 to 96 years)" in text
    assert f"Cerebellum volume: {REASON}" in text
    assert "not plausible, compared with nothing" in text


def test_no_model_may_rest_a_sentence_on_it(made: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = made
    known = evidence_of(
        api.storage.index,
        api.storage.findings,
        api.storage.finding_feedback,
        study_instance_uids=[study],
    )
    assert [one.label for one in known.findings] == ["Brain volume"]
