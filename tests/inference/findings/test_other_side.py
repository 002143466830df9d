"""What is of the other side of the body is not compared, and everything says so."""

from dataclasses import replace
from pathlib import Path

import pytest

from api.findings.serializers import finding_payload
from inference.prior_comparison import comparison_of, revise_comparisons
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from storage.container import Storage
from storage.core.findings import Acquisition, Finding, Validity
from tests.inference.reports.studies import VOLUME, measured_study, opened


def knee(storage: Storage, seed: int, date: str, cm3: float, side: str) -> str:
    """A study with the volume of a patella, whose images state a side; empty: none."""
    study = measured_study(storage, cm3, seed=seed, date=date)
    (found,) = storage.findings.of_study(study)
    validity = Validity("complete", acquisition=Acquisition("B30f", 1.0, side))
    patella = replace(found, code=VOLUME, label="Patella volume", validity=validity)
    storage.findings.replace_for_job(found.job_id, [patella])
    return study


def compared(storage: Storage, study: str) -> Finding:
    revise_comparisons(storage, study)
    (found,) = storage.findings.of_study(study)
    return found


def drafted(storage: Storage, study: str, language: str) -> list[str]:
    sections = draft_sections(gather(storage, study), load_locale(language))
    return [one.text for section in sections for one in section.sentences]


def test_a_volume_of_the_other_side_is_not_compared(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        knee(storage, 1, "20250101", 13.9, "R")
        now = knee(storage, 2, "20260101", 7.3, "L")
        found = compared(storage, now)
        assert found.prior is None
        assert found.caveat_texts == (
            "Not compared with the study of 2025-01-01: right side then, left side now.",
        )
        payload = finding_payload(found)
        assert payload.validity is not None
        assert payload.validity.caveats == list(found.caveat_texts)
        texts = drafted(storage, now, "en")
        assert not [one for one in texts if "has decreased" in one]
        assert "Nothing is compared with it: its images show the other side of the body." in texts
        said = "What was measured on 1 January 2025 is not compared: the images state the right"
        assert [one for one in texts if one.startswith(said)]
        german = drafted(storage, now, "de")
        assert "Damit wird nichts verglichen: ihre Bilder zeigen die andere Körperseite." in german
        assert [one for one in german if "damals rechts als Seite an, jetzt links" in one]


def test_an_older_study_of_the_same_side_is_the_comparison(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        old = knee(storage, 1, "20240101", 10.0, "L")
        knee(storage, 2, "20250101", 13.9, "R")
        now = knee(storage, 3, "20260101", 7.3, "L")
        job = storage.jobs.get(storage.findings.of_study(now)[0].job_id)
        (finding,) = storage.findings.of_study(now)
        comparison = comparison_of(storage, job, laterality="L")
        assert comparison is not None
        prior = comparison.compared(finding).prior
        assert prior is not None
        assert (prior.study_instance_uid, prior.change_percent) == (old, -27.0)
        texts = drafted(storage, now, "en")
        assert [one for one in texts if "decreased by 27.0% since 1 January 2024" in one]


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("", "L", "not known then, left now"),
        ("R", "", "right then, not known now"),
        ("B", "R", "both then, right now"),
    ],
)
def test_a_side_that_one_study_states_alone_is_a_caveat(
    tmp_path: Path, then: str, now: str, words: str
) -> None:
    with opened(tmp_path) as storage:
        knee(storage, 1, "20250101", 10.0, then)
        study = knee(storage, 2, "20260101", 7.3, now)
        found = compared(storage, study)
        assert found.prior is not None
        assert found.caveat_texts == (
            "Compared with the study of 2025-01-01, though only one of the two states one side:"
            f" {words}.",
        )
        assert [one for one in drafted(storage, study, "en") if "only one of the studies" in one]
        assert [one for one in drafted(storage, study, "de") if "einzige Körperseite" in one]


def test_what_names_its_own_side_needs_no_caveat(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        for seed, date, side in ((1, "20250101", "L"), (2, "20260101", "")):
            study = knee(storage, seed, date, 10.0 * seed, side)
            (found,) = storage.findings.of_study(study)
            storage.findings.replace_for_job(
                found.job_id, [replace(found, label="Left patella volume")]
            )
        found = compared(storage, study)
        assert found.prior is not None
        assert found.caveat_texts == ()
