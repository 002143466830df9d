"""A total does not outlive the parts that a person rejected."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inference.prior_comparison import comparison_of
from inference.reports.draft import draft_study
from inference.reports.evidence import digest_of, gather
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.findings import Code, Finding, Prior
from tests.inference.reports.known import brain, lungs
from tests.inference.reports.studies import measured_study, opened


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with opened(tmp_path) as storage:
        yield storage


def measured(storage: Storage, study: str, found: list[Finding]) -> dict[str, Finding]:
    """The findings in place of those of the study's job, by label."""
    (job,) = storage.jobs.of_studies([study])[study]
    replaced = [
        replace(
            one,
            finding_id=f"{job.job_id}-{number}",
            job_id=job.job_id,
            study_instance_uid=study,
            series_instance_uid=job.series_instance_uid,
            pipeline=job.pipeline,
            tracking_uid=f"2.25.{number + 1}",
            created_at=job.created_at,
        )
        for number, one in enumerate(found)
    ]
    storage.findings.replace_for_job(job.job_id, replaced)
    return {one.label: one for one in storage.findings.of_study(study)}


def impression(storage: Storage, study: str, language: str = "en") -> str:
    report = draft_study(storage, study, language)
    return " ".join(
        sentence.text
        for section in report.sections
        if section.kind == "impression"
        for sentence in section.sentences
    )


def all_text(storage: Storage, study: str) -> str:
    report = draft_study(storage, study, "en")
    return " ".join(sentence.text for sentence in report.sentences)


def test_a_rejected_lung_volume_is_in_no_total(storage: Storage) -> None:
    study = measured_study(storage)
    found = measured(storage, study, [one.finding for one in lungs()])
    assert "Total lung volume 4.84 L" in impression(storage, study)
    storage.finding_feedback.add(found["Right lung volume"], "REJECTED", of_account("dr-jones"))
    assert "4.84" not in all_text(storage, study)
    assert "Left lung volume 2.21 L." in impression(storage, study)
    # What was not rejected stays: the density of both lungs.
    assert "LAA-950 of both lungs" in impression(storage, study)
    assert (
        "Left out because they include a value that was rejected or corrected on review:"
        " Both lungs volume." in all_text(storage, study)
    )
    storage.finding_feedback.add(
        found["Both lungs volume"], "CORRECTED", of_account("dr-jones"), value=4.5
    )
    assert "Total lung volume 4.50 L" in impression(storage, study)


def test_a_corrected_lung_volume_is_in_no_total_either(storage: Storage) -> None:
    study = measured_study(storage)
    found = measured(storage, study, [one.finding for one in lungs()])
    storage.finding_feedback.add(
        found["Right lung volume"], "CORRECTED", of_account("dr-jones"), value=3.1
    )
    assert "4.84" not in all_text(storage, study)
    assert "Right lung volume 3.10 L." in impression(storage, study)
    storage.finding_feedback.add(found["Right lung volume"], "ACCEPTED", of_account("dr-jones"))
    assert "Total lung volume 4.84 L" in impression(storage, study)


def test_a_share_goes_with_the_volume_that_it_is_of(storage: Storage) -> None:
    study = measured_study(storage)
    found = measured(storage, study, [one.finding for one in brain()])
    storage.finding_feedback.add(
        found["Left hippocampus volume"], "REJECTED", of_account("dr-jones")
    )
    assert [one.label for one in gather(storage, study).void] == ["Left hippocampus share of brain"]
    storage.finding_feedback.add(found["Brain volume"], "REJECTED", of_account("dr-jones"))
    assert len(gather(storage, study).void) == 3


def test_a_later_study_is_not_compared_with_such_a_total(storage: Storage) -> None:
    before = measured_study(storage, seed=1, date="20230131")
    now = measured_study(storage, seed=2, date="20240131")
    found = measured(storage, before, [one.finding for one in lungs()])
    storage.finding_feedback.add(found["Right lung volume"], "REJECTED", of_account("dr-jones"))
    (job,) = storage.jobs.of_studies([now])[now]
    compared = comparison_of(storage, job)
    assert compared is not None
    assert {label for _, label in compared.earlier} == {"Left lung volume"}


def test_what_versions_before_kept_in_another_unit_is_converted_or_left_out(
    storage: Storage,
) -> None:
    study = measured_study(storage)
    found = measured(storage, study, [one.finding for one in lungs()])
    volume = found["Left lung volume"]
    reader = of_account("dr-jones")
    millilitres = Code("mL", "UCUM", "milliliter")
    storage.finding_feedback.add(volume, "CORRECTED", reader, value=1200, unit=millilitres)
    assert "1.20 L" in all_text(storage, study)
    assert "1,200.00 L" not in all_text(storage, study)
    millimetres = Code("mm", "UCUM", "millimeter")
    storage.finding_feedback.add(volume, "CORRECTED", reader, value=120, unit=millimetres)
    text = all_text(storage, study)
    assert "120.00 L" not in text
    assert "Left out because they include a value that was rejected or corrected" in text
    assert "Left lung volume" in text


def test_a_finding_bears_the_name_that_a_reader_gave_it(storage: Storage) -> None:
    study = measured_study(storage)
    found = measured(storage, study, [lungs()[0].finding])
    (volume,) = found.values()
    side, other = ("Left", "Right") if volume.label.startswith("Left") else ("Right", "Left")
    label = volume.label.replace(side, other)
    storage.finding_feedback.add(volume, "CORRECTED", of_account("dr-jones"), label=label)
    text = all_text(storage, study)
    assert f"{other.lower()} lung" in text
    assert f"{side.lower()} lung has" not in text
    assert f"“{label}” is the name that dr-jones gave" in text


def test_beside_what_a_classifier_answered_stands_what_a_reader_holds_to_be_right(
    storage: Storage,
) -> None:
    study = measured_study(storage)
    answer = replace(lungs()[0].finding, label="b", value=None, unit=None, confidence=0.678)
    (found,) = measured(storage, study, [answer]).values()
    storage.finding_feedback.add(found, "CORRECTED", of_account("dr-jones"), label="c")
    text = all_text(storage, study)
    assert "answers “b” with a confidence of 67.8%" in text
    assert "dr-jones holds “c” to be right instead of “b”." in text


def test_a_draft_is_another_where_what_it_compares_with_is() -> None:
    """So that who edited or signed a text is offered the new one."""
    alone = lungs()[0]

    def digest(value: float | None) -> str:
        before = None if value is None else Prior("f", "2.25.9", "20240101", "1", value, 366, 1, 1)
        return digest_of([replace(alone, finding=replace(alone.finding, prior=before))], [])

    assert len({digest(None), digest(2.2), digest(2.1)}) == 3
