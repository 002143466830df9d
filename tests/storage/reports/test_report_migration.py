"""The drafts of single jobs become one report a study when an older database is brought up."""

from pathlib import Path

from alembic import command
from sqlalchemy import text

from storage.container import open_storage
from storage.db.engine import make_engine, writing
from storage.db.migrate import _config
from storage.maintenance.upgrade import upgrade
from storage.settings import load_settings

_BEFORE = "0012"
_INSERT = text(
    "INSERT INTO report (report_id, study_instance_uid, job_id, state, language, title, sections,"
    " created_at) VALUES (:id, :study, :job, 'draft', 'en', :title, :sections, :at)"
)
_SECTION = '[{"heading": "Findings", "sentences": [{"text": "%s", "finding_ids": ["f"]}]}]'


def test_drafts_of_jobs_are_folded_into_one_report_a_study(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    settings.data_dir.mkdir()
    engine = make_engine(settings.resolved_database_url)
    config = _config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, _BEFORE)
        for job, study in (("j1", "2.25.1"), ("j2", "2.25.1"), ("j3", "")):
            connection.execute(
                text(
                    "INSERT INTO job (job_id, pipeline, pipeline_version, study_instance_uid,"
                    " series_instance_uid, input_fingerprint, state, progress, priority, attempts,"
                    " created_at, updated_at, result) VALUES (:job, 'p', '1', :study, '', :job,"
                    " 'COMPLETED', 1, 0, 1, '2026-01-01', '2026-01-01', '{}')"
                ),
                {"job": job, "study": study},
            )
            connection.execute(
                _INSERT,
                {"id": f"r-{job}", "study": study, "job": job, "title": job,
                 "sections": _SECTION % job, "at": "2026-01-01 00:00:00"},
            )  # fmt: skip
    engine.dispose()
    upgrade(settings)
    with open_storage(settings) as storage:
        (report,) = storage.reports.of_study("2.25.1")
        assert [one.text for one in report.sentences] == ["j1", "j2"]
        assert (report.state, report.version, report.job_id) == ("draft", 1, "")
        assert storage.reports.version(report.report_id, 1).sections == report.sections
        image = storage.reports.get("r-j3")
        assert (image.job_id, image.study_instance_uid) == ("j3", "")
        due = storage.draft_queue.due(report.updated_at.replace(year=2100), 10)
        assert [study for study, _ in due] == ["2.25.1"], "it is drafted again from its findings"
