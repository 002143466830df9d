"""Every statement shows a caller the rows of its studies, and changes no others."""

import re
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from storage import tables as t
from storage.access_groups.visibility import visibility_of
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Caller, Visibility, as_node, limited_to
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.db.visible_rows import VISIBLE
from storage.tables import metadata

ROOT = Path(__file__).parents[3]
OURS = Visibility("account:ada", (EVERYONE, 3), sees_unmatched=True)

# About nobody's studies: how the node is set up, who signs in, what other systems sent and only
# the node and administrators read.
NOT_ABOUT_STUDIES = {
    t.access_group, t.access_group_member, t.access_state, t.emergency_access, t.study_group,
    t.former_study_group, t.study_sender,
    t.account, t.api_key, t.failed_attempt, t.logout_token, t.recovery_code, t.second_factor,
    t.session,
    t.preference, t.shown_name, t.idempotency_key, t.peer, t.model_change, t.model_state,
    t.model_package, t.rule_version, t.report_template, t.retrospective_run,
    t.drift_alert,
    t.drift_baseline, t.breaker, t.component, t.heartbeat, t.host, t.host_key, t.deletion_number,
    t.dimse_traffic, t.scrub, t.volume,
    t.commitment_report, t.commitment_request, t.procedure_step, t.subscriber, t.subscription,
    t.peer_notification,
    # Whose topics there are, and who listens.
    t.fhircast_topic, t.fhircast_subscription,
    t.gone_work_item, t.audit_chain, t.audit_event, t.audit_subject, t.series_request,
    t.disk_sample, t.retention_state, t.clock_step, t.prior_pause, t.stage_time, t.node_condition,
    t.last_backup, t.trace_position, t.gpu_memory,
    t.project, t.project_study, t.project_export, t.project_export_instance,
    # For administrators, who may correct every patient.
    t.patient_change, t.patient_message,
    # How many deletions there were.
    t.uncopied_deletion,
    # UIDs and digests of what the node made, with no study.
    t.generated_instance,
    # What the index could not take, so that nobody can be asked about its study.
    t.refused_row,
}  # fmt: skip


def test_every_table_is_narrowed_or_about_no_study() -> None:
    """A new table has to be put into one of the two lists."""
    assert set(VISIBLE).isdisjoint(NOT_ABOUT_STUDIES)
    assert set(metadata.tables.values()) == set(VISIBLE) | NOT_ABOUT_STUDIES


@pytest.mark.parametrize("folder", ["storage", "dicom_node", "inference", "api"])
def test_nobody_goes_past_the_one_place_that_narrows(folder: str) -> None:
    """`reading` and `writing` choose what is seen; those that go past them read no studies."""
    past = {
        "storage/backup/snapshot.py",
        "storage/db/engine.py",
        "storage/index/driver/kept_connection.py",
        "storage/db/locks/advisory_lock.py",
        "storage/index/indexer.py",
        "storage/index/driver/instance_lookup.py",
        "storage/recovery/diagnosis.py",
        "storage/recovery/repair.py",
        "storage/recovery/salvage.py",
        "storage/recovery/schema_page.py",
    }
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("engine.connect(", "engine.begin(", "raw_connection(", "sqlite3.connect(")
        )
    }
    assert found <= past


@pytest.fixture
def two_studies(storage: Storage) -> Storage:
    """Study 1.1 of group 3 with a job, study 1.2 of group 4 with a job."""
    now = utcnow()
    with writing(storage.engine) as connection:
        for number, uid in ((3, "1.1"), (4, "1.2")):
            connection.execute(
                insert(t.access_group).values(
                    group_id=number, name=f"group {number}", created_at=now, updated_at=now
                )
            )
            patient = connection.execute(
                insert(t.patient).values(patient_key=uid, patient_id=uid).returning(t.patient.c.id)
            ).scalar_one()
            connection.execute(
                insert(t.study).values(
                    patient_fk=patient, study_instance_uid=uid, received_at=now, updated_at=now
                )
            )
            connection.execute(
                insert(t.study_group).values(
                    study_instance_uid=uid, group_id=number, origin="rule", decided_at=now
                )
            )
    for uid in ("1.1", "1.2"):
        storage.jobs.schedule("p", "1", uid, f"{uid}.1", uid)
    return storage


def test_a_query_finds_the_rows_of_the_viewers_studies(two_studies: Storage) -> None:
    studies = select(t.study.c.study_instance_uid).order_by(t.study.c.id)
    aliased = t.study.alias("other")
    with limited_to(OURS), reading(two_studies.engine) as connection:
        assert connection.execute(studies).scalars().all() == ["1.1"]
        assert connection.execute(select(aliased.c.study_instance_uid)).scalars().all() == ["1.1"]
        assert connection.scalar(select(func.count()).select_from(t.patient)) == 1
        twice = studies.order_by(None).union_all(studies.order_by(None))
        assert connection.execute(twice).scalars().all() == ["1.1", "1.1"]
        inside = studies.where(t.study.c.study_instance_uid.in_(select(t.job.c.study_instance_uid)))
        assert connection.execute(inside).scalars().all() == ["1.1"]
        joined = select(t.study.c.study_instance_uid).join(
            t.patient, t.study.c.patient_fk == t.patient.c.id
        )
        assert connection.execute(joined.where(t.patient.c.patient_id == "1.2")).first() is None
    with reading(two_studies.engine) as connection:
        assert connection.execute(studies).scalars().all() == ["1.1", "1.2"]


def test_each_table_can_be_asked(two_studies: Storage) -> None:
    """Whatever its condition: it names columns that are there, on both databases."""
    nobody = Visibility("account:nobody", (), sees_unmatched=False)
    with limited_to(nobody), reading(two_studies.engine) as connection:
        for table in VISIBLE:
            assert connection.execute(select(table)).all() == [], table.name


def test_one_statement_serves_viewers_one_after_the_other(two_studies: Storage) -> None:
    """It is compiled once; the groups must not be."""
    studies = select(t.study.c.study_instance_uid)
    theirs = Visibility("account:bob", (EVERYONE, 4), sees_unmatched=True)
    both = Visibility("account:eve", (EVERYONE, 3, 4), sees_unmatched=True)
    for visibility, expected in ((OURS, {"1.1"}), (theirs, {"1.2"}), (both, {"1.1", "1.2"})) * 2:
        with limited_to(visibility), reading(two_studies.engine) as connection:
            assert set(connection.execute(studies).scalars()) == expected


def test_a_change_touches_no_row_that_is_not_seen(two_studies: Storage) -> None:
    with limited_to(OURS), writing(two_studies.engine) as connection:
        changed = connection.execute(update(t.job).values(reason="by ada"))
        assert changed.rowcount == 1
        gone = connection.execute(
            t.job.delete().where(t.job.c.study_instance_uid == "1.2").returning(t.job.c.job_id)
        )
        assert gone.all() == []
    with reading(two_studies.engine) as connection:
        reasons = connection.execute(
            select(t.job.c.study_instance_uid, t.job.c.reason).order_by(t.job.c.created_at)
        )
        assert [tuple(row) for row in reasons] == [("1.1", "by ada"), ("1.2", "")]


def test_the_node_reads_everything_within_somebodys_request(two_studies: Storage) -> None:
    with limited_to(OURS):
        assert two_studies.index.study_count() == 1
        with as_node():
            assert two_studies.index.study_count() == 2
        assert two_studies.index.study_count() == 1


def test_without_enforcement_there_is_no_viewer(two_studies: Storage) -> None:
    ada = Caller("account", "ada")
    assert visibility_of(two_studies.engine, ada) is None
    with writing(two_studies.engine) as connection:
        connection.execute(update(t.access_state).values(is_enforced=True))
    assert visibility_of(two_studies.engine, ada) == Visibility("account:ada", (EVERYONE,), True)


def test_no_statement_that_is_written_out_reads_studies() -> None:
    """Text is not narrowed. These receive instances, repair the index, or narrow by themselves."""
    known = {
        "storage/db/schema.py",
        "storage/index/driver/digest_lookup.py",
        "storage/index/insert_instance.py",
        "storage/index/driver/insert_statements.py",
        "storage/recovery/salvage.py",
        "storage/recovery/schema_page.py",
        "storage/search/vectors.py",
    }
    names = "|".join(table.name for table in VISIBLE)
    written_out = re.compile(rf"[\"'( ](FROM|JOIN|UPDATE|INTO) ({names})\b")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("storage", "dicom_node", "inference", "api")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts and written_out.search(path.read_text(encoding="utf-8"))
    }
    assert found <= known
