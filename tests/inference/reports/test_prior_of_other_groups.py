"""A study that not everybody may see any more is compared with no more, in drafts and values."""

from pathlib import Path

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.clock import utcnow
from tests.inference.reports.studies import drafted, lungs_measured, opened
from tests.inference.reports.test_deleted_prior import texts


def two_groups(storage: Storage, earlier: str, later: str) -> None:
    """Both studies in one group, and another one without any; enforced."""
    for name in ("Radiology", "Oncology"):
        storage.access_groups.add(name, "", None)
        storage.access_groups.add_member(name, Member("account", name.lower()))
    for study in (earlier, later):
        storage.access_groups.assign("Radiology", study)
    apply_rules(storage, utcnow())
    storage.access_groups.enforce(wanted=True)


def compared(storage: Storage, study: str) -> list[str]:
    """What the findings of a study are compared with."""
    return [one.finding_id for one in storage.findings.of_study(study) if one.prior is not None]


def test_drafts_and_values_follow_an_earlier_study_to_another_group_and_back(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as storage:
        before = lungs_measured(storage, 1, "20240110", "B30f", 5.0)
        now = lungs_measured(storage, 2, "20250110", "B30f", 3.0)
        two_groups(storage, before, now)
        assert "2024" in texts(drafted(storage, now))
        assert compared(storage, now)

        storage.access_groups.assign("Oncology", before)
        storage.access_groups.unassign("Radiology", before)
        assert "2024" not in texts(drafted(storage, now))
        assert not compared(storage, now)

        storage.access_groups.enforce(wanted=False)
        assert "2024" in texts(drafted(storage, now))
        assert compared(storage, now)

        apply_rules(storage, utcnow())
        storage.access_groups.enforce(wanted=True)
        assert "2024" not in texts(drafted(storage, now))
        assert not compared(storage, now)
