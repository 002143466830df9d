"""Where a value lies among a site's reference values is the same wherever it is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.core.entities import Job
from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.made import made_of
from tests.api.results.test_truncated import findings_of, numbers, output, result, series
from tests.inference.results_support import complaints, save

# The phantom's brain is 400 voxels large and its cerebellum 144; see `output`.
TABLE = """label,unit,sex,age_from,age_to,low,high,mean,sd,source,caveat
Brain volume,cm3,F,60,69,,,{mean},{sd},"Cohort of the site, 2024",
Cerebellum volume,cm3,,,,{low},,,,"Cohort of the site, 2024",
"""


@pytest.fixture
def made(api_settings: Settings, tmp_path: Path) -> Iterator[tuple[ApiNode, str, Job]]:
    """A woman of 65 years, half a deviation below the mean; the cerebellum is too small."""
    path = tmp_path / "values.csv"
    settings = api_settings.model_copy(update={"reference_values": path})
    images = series("20240101", 2)
    for image in images:
        image.PatientSex, image.PatientBirthDate = "F", "19581201"
    rows, columns = map(float, images[0].PixelSpacing)
    voxel_cm3 = rows * columns * abs(float(images[0].SliceThickness)) / 1000
    brain, cerebellum = 400 * voxel_cm3, 144 * voxel_cm3
    path.write_text(
        TABLE.format(mean=round(brain, 3) + 0.05, sd=0.1, low=round(cerebellum, 3) + 0.2)
    )
    with api_node(settings) as api:
        job, _ = made_of(api, images, output(whole=True), ("PDF",))
        yield api, job.study_instance_uid, job


def test_the_api_states_percentile_limits_and_source(made: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = made
    found = findings_of(api, study)
    value = found["Brain volume"]["value"]
    brain = found["Brain volume"]["normal_range"]
    # Half a standard deviation below the mean: the 30.9th percentile.
    assert (brain["percentile"], brain["z_score"]) == (30.9, -0.5)
    assert brain["low"] == pytest.approx(value + 0.05 - 1.96 * 0.1, abs=0.001)
    assert (brain["place"], brain["of_whom"]) == ("within", "women, 60 to 69 years")
    assert brain["source"] == "Cohort of the site, 2024"
    cerebellum = found["Cerebellum volume"]["normal_range"]
    assert (cerebellum["place"], cerebellum["percentile"], cerebellum["high"]) == (
        "below",
        None,
        None,
    )
    trends = api.client.get(f"/api/studies/{study}/trend").json()["items"]
    points = {one["label"]: one["points"][0]["percentile"] for one in trends}
    assert points == {"Brain volume": 30.9, "Cerebellum volume": None}


@pytest.mark.slow
def test_the_sr_states_it_with_the_codes_of_the_standard(
    made: tuple[ApiNode, str, Job], tmp_path: Path
) -> None:
    api, study, job = made
    document = result(api, job, "SR")
    assert complaints(save(document, tmp_path / "sr.dcm")) == []
    stated: dict[str, float] = {}
    texts, normality = set(), []
    for number in numbers(document):
        name = number.ConceptNameCodeSequence[0].CodeValue
        stated[name] = float(number.MeasuredValueSequence[0].NumericValue)
        for item in number.get("ContentSequence") or ():
            if item.ValueType == "TEXT":
                texts.add((item.ConceptNameCodeSequence[0].CodeValue, item.TextValue))
            if item.ValueType == "CODE":
                normality.append(item.ConceptCodeSequence[0].CodeValue)
    # PS3.16 CID 226, 227 and 223; TID 311 and 312; CID 222.
    assert stated["121415"] == 30.9
    assert stated["121416"] == -0.5
    brain = findings_of(api, study)["Brain volume"]["normal_range"]
    assert stated["373099004"] == brain["median"]
    assert stated["371933006"] == brain["high"]
    assert ("121407", "women, 60 to 69 years") in texts
    assert ("121408", "Cohort of the site, 2024") in texts
    assert sorted(one for one in normality if one in ("17621005", "371880002")) == [
        "17621005",
        "371880002",
    ]


def test_fhir_states_it_until_a_person_corrects_the_value(
    made: tuple[ApiNode, str, Job],
) -> None:
    api, study, _ = made
    finding = findings_of(api, study)["Brain volume"]
    path = f"/fhir/Observation/{finding['finding_id']}"

    def interpreted(observation: dict[str, Any]) -> str:
        return str(observation["interpretation"][0]["coding"][0]["code"])

    observation = api.client.get(path).json()
    (stated,) = observation["referenceRange"]
    assert stated["low"]["value"] == finding["normal_range"]["low"]
    assert stated["high"]["code"] == "cm3"
    assert stated["appliesTo"][0]["text"] == "women, 60 to 69 years"
    assert stated["text"] == "Cohort of the site, 2024"
    assert interpreted(observation) == "N"
    components = {one["code"]["coding"][0]["code"]: one for one in observation["component"]}
    assert components["121415"]["valueQuantity"]["value"] == 30.9
    body = {"kind": "CORRECTED", "value": 900.0, "reason": "Measured again."}
    assert api.client.post(f"/api/findings/{finding['finding_id']}/feedback", json=body).is_success
    observation = api.client.get(path).json()
    assert interpreted(observation) == "H"
    components = {one["code"]["coding"][0]["code"]: one for one in observation["component"]}
    assert "121415" not in components


@pytest.mark.parametrize(
    ("language", "percentile", "below", "source"),
    [
        ("en", "31st percentile, within normal limits", "below normal", "Reference values: Cohort"),
        ("de", "31. Perzentile, im Normbereich", "unter der Norm", "Referenzwerte: Cohort"),
    ],
)
def test_the_report_words_it(
    made: tuple[ApiNode, str, Job], language: str, percentile: str, below: str, source: str
) -> None:
    api, study, _ = made
    sections = draft_sections(gather(api.storage, study), load_locale(language))
    sentences = [one for section in sections for one in section.sentences]
    (about_brain,) = [one for one in sentences if percentile in one.text]
    assert about_brain.basis == "node"
    assert any(below in one.text for one in sentences)
    assert len([one for one in sentences if one.text.startswith(source)]) == 2


def test_the_pdf_states_it(made: tuple[ApiNode, str, Job]) -> None:
    api, _, job = made
    with pypdfium2.PdfDocument(bytes(result(api, job, "PDF").EncapsulatedDocument)) as pdf:
        text = " ".join(pdf[0].get_textpage().get_text_range().split())
    assert "percentile 31" in text
    assert "Normal range of Brain volume, women, 60 to 69 years: Cohort of the site, 2024." in text


def test_where_nothing_fits_the_api_says_why(api_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_text(
        TABLE.format(mean=1, sd=0.1, low=0.1).replace(
            "Cerebellum volume,cm3", "Cerebellum volume,mL"
        )
    )
    settings = api_settings.model_copy(update={"reference_values": path})
    with api_node(settings) as api:
        images = series("20240101", 2)
        for image in images:
            image.PatientSex, image.PatientBirthDate, image.PatientAge = "F", "", "081Y"
        job, _ = made_of(api, images, output(whole=True))
        found = findings_of(api, job.study_instance_uid)
        missing = {label: one["normal_range_missing"] for label, one in found.items()}
        assert missing == {
            "Brain volume": "There are no reference values for women of 81 years.",
            "Cerebellum volume": "The reference values are in mL, and this value is in cm3.",
        }
        job, _ = made_of(api, series("20250101", 3), output(whole=False))
        found = findings_of(api, job.study_instance_uid)
        assert found["Cerebellum volume"]["normal_range_missing"] == (
            "The images hold a part of the structure alone."
        )
        assert found["Cerebellum volume"]["normal_range"] is None
