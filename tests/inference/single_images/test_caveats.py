"""What holds for all that was found in films stands with each answer: finding, report and SR."""

import json
from pathlib import Path

from inference.model_registry.adding import add_model
from inference.models.cards.card_file import CARD_FILE
from inference.reports.draft import draft_study
from storage.container import Storage
from tests.inference.films import bright_classifier, film
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import done, objects

# A child by the birth date, and somebody old by the stated age.
CHILD = {"PatientBirthDate": "20200101", "PatientAge": "060Y"}


def test_an_answer_outside_of_the_population_says_so(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(tmp_path / "m")
    card = folder / CARD_FILE
    stated = json.loads(card.read_text())
    card.write_text(json.dumps({**stated, "population": {"age_years": [18, 50]}}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    dataset = film("child", StudyDate="20250101", **CHILD)
    job = done(storage, dataset)
    found = storage.findings.of_job(job.job_id)
    assert len(found) == 2
    for finding in found:
        assert [one.kind for one in finding.caveats] == ["outside_population", "ages_contradict"]
        assert "age 5 years (18 to 50 years)" in finding.caveats[0].text
        assert "60 years by PatientAge" in finding.caveats[1].text
    (report,) = objects(storage, job, "SR")
    texts = [str(one.value) for one in report.iterall() if one.keyword == "TextValue"]
    assert sum("age 5 years (18 to 50 years)" in one for one in texts) == 2
    assert complaints(save(report, tmp_path / "report.dcm")) == []
    (picture,) = objects(storage, job, "SC")
    assert "(outside the model's population)" in picture.ImageComments
    sentences = " ".join(
        one.text for one in draft_study(storage, str(dataset.StudyInstanceUID), "en").sentences
    )
    assert "outside the population that the model was made for (age)" in sentences
    assert "contradict each other" in sentences
