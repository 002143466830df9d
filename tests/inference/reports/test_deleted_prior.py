"""What was compared with a study that is deleted is compared with it no more."""

from pathlib import Path

from storage.container import Storage
from storage.reports.entities import Report
from tests.inference.reports.studies import drafted, lungs_measured, opened


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
