"""What rests on a study or a series that is deleted is stated and compared no more."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.reports.entities import Report, ReportSection, ReportSentence
from tests import builders
from tests.api.client import part10
from tests.inference.reports.studies import drafted, lungs_measured, measured_study, opened


def texts(report: Report) -> str:
    return " ".join(one.text for section in report.sections for one in section.sentences)


def caveats(storage: Storage, study: str) -> list[str]:
    return [caveat for one in storage.findings.of_study(study) for caveat in one.caveat_texts]


def test_drafts_and_values_follow_a_deletion_of_the_earlier_study(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        before = lungs_measured(storage, 1, "20240110", "B30f", 5.0)
        drafted(storage, before)
        now = lungs_measured(storage, 2, "20250110", "B70f", 3.0)
        drafted(storage, now)
        (volume,) = (one for one in storage.findings.of_study(now) if one.prior is not None)
        assert "10 January 2024" in texts(storage.reports.of_study(now)[0])
        assert caveats(storage, now)

        storage.deletions.study(before)

        text = texts(drafted(storage, now))
        assert "2024" not in text
        assert "No earlier study" in text
        assert not [one for one in storage.findings.of_study(now) if one.prior is not None]
        assert volume.finding_id in {one.finding_id for one in storage.findings.of_study(now)}
        assert caveats(storage, now) == []


def two_series(storage: Storage) -> tuple[str, str]:
    """A study of two measured series, and the second of them."""
    study = measured_study(storage)
    (first,) = storage.findings.of_study(study)
    series = builders.series(np.zeros((4, 8, 8), np.int16), modality="MR", seed=2)
    for instance in series:
        instance.StudyInstanceUID, instance.PatientID = study, "P-9"
        storage.ingest.accept(part10(instance), "dimse:MR1")
    uid = str(series[0].SeriesInstanceUID)
    job, _ = storage.jobs.schedule("brain-volume", "1.0.0", study, uid, f"{2:064}")
    assert storage.jobs.claim(job.job_id, "w", 60, utcnow())
    second = replace(
        first, finding_id="second", job_id=job.job_id, series_instance_uid=uid, value=1111.0
    )
    storage.findings.replace_for_job(job.job_id, [second])
    assert storage.jobs.complete(job.job_id, "w", {"instances": []}, utcnow())
    return study, uid


def test_a_draft_states_nothing_of_a_series_that_is_deleted(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study, other = two_series(storage)
        report = drafted(storage, study)
        assert "1,234.5" in texts(report)
        assert "1,111.0" in texts(report)
        # Both have number 4, by which the text would not say whose value is which.
        assert "Series 4 (1/2): " in texts(report)
        assert "Series 4 (2/2): " in texts(report)

        storage.deletions.series(study, other)

        # Whatever the text, by itself.
        text = texts(drafted(storage, study))
        assert "1,111.0" not in text
        assert "1,234.5" in text
        assert len(storage.findings.of_study(study)) == 1


def test_an_edited_text_gets_the_one_without_the_deleted_series_offered(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study, other = two_series(storage)
        report = drafted(storage, study)
        own = ReportSection("More", (ReportSentence("No effusion.", origin="person"),))
        edited = storage.reports.edit(
            report.report_id, report.version, (*report.sections, own), of_account("dr-jones")
        )
        storage.deletions.series(study, other)
        offered = drafted(storage, study)
        assert "1,111.0" in texts(offered)
        assert offered.version == edited.version
        assert offered.attention.startswith("New or revised results came")
