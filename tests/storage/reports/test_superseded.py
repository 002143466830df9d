"""Reports whose results were withdrawn: marked, not signed unseen, and not current for ever."""

import pytest
from alembic import command
from sqlalchemy import select, update

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.db.engine import reading, writing
from storage.db.migrate import _config
from storage.reports.entities import ReportSection, ReportSentence
from storage.webhooks.payloads import notices_of
from tests.storage.reports.citing import READER, found, limits, preliminary, received, says


def withdrawn(storage: Storage, job_id: str) -> None:
    assert storage.withdrawals.supersede(job_id, "The series changed.", utcnow())


def test_withdrawn_results_are_not_signed_before_they_were_seen(storage: Storage) -> None:
    job_id = found(storage, "2.25.77", "f1")
    report = preliminary(storage, "2.25.77", says("One.", "f1"))
    withdrawn(storage, job_id)
    # The text is the same, and so is its version.
    with pytest.raises(StateConflict, match="were withdrawn") as refused:
        storage.reports.move(report.report_id, 2, "final", READER)
    assert "proposal" in refused.value.remedy
    seen = storage.reports.dismiss(report.report_id, 2, READER)
    assert (seen.attention, seen.basis_digest) == ("", "1")
    unchanged = storage.reports.offer(
        "2.25.77", language="en", title="", sections=says("One.", "f1"), basis_digest="1"
    )
    assert unchanged.attention == "", "nothing came since"
    final = storage.reports.move(report.report_id, 2, "final", READER)
    assert final.superseded_at == seen.superseded_at is not None
    amended = storage.reports.move(
        report.report_id, 3, "amended", READER, sections=says("Still.", "f1"), reason="Spelling."
    )
    assert amended.is_superseded
    # Made again over the same content, the job finds it under another identifier.
    storage.findings.replace_for_job(job_id, [])
    amended = storage.reports.move(
        report.report_id, 4, "amended", READER, sections=says("Again.", "f1"), reason="Spelling."
    )
    assert amended.is_superseded
    text = (ReportSection("Findings", (limits("f1"),)),)
    amended = storage.reports.move(
        report.report_id, 5, "amended", READER, sections=text, reason="Withdrawn."
    )
    assert not amended.is_superseded


def test_a_part_that_the_images_cut_off_is_a_result(storage: Storage) -> None:
    """The node vouches for it, so that no model rewords it; late slices withdraw it."""
    job_id = found(storage, "2.25.77", "f1")
    part = ReportSentence("Part: 1.0 cm3.", ("f1",), basis="node", states_result=True)
    sections = (ReportSection("Findings", (part, limits("f1"))),)
    report = preliminary(storage, "2.25.77", sections)
    # As an older version of the node stored it.
    with writing(storage.engine) as connection:
        (row,) = connection.execute(select(t.report.c.sections)).scalars()
        for sentence in row[0]["sentences"]:
            del sentence["states_result"]
        connection.execute(update(t.report).values(sections=row))
    there = storage.reports.get(report.report_id)
    assert [one.result_ids for one in there.sentences] == [("f1",), ()]
    withdrawn(storage, job_id)
    assert storage.reports.get(report.report_id).is_superseded


def test_a_draft_that_cites_what_was_withdrawn_is_not_signed(storage: Storage) -> None:
    job_id = found(storage, "2.25.77", "f1")
    report = storage.reports.offer(
        "2.25.77", language="en", title="", sections=says("One.", "f1"), basis_digest="1"
    )
    withdrawn(storage, job_id)
    with pytest.raises(StateConflict, match="were withdrawn"):
        storage.reports.move(report.report_id, 1, "final", READER)
    # Another text is the person's answer.
    storage.reports.edit(report.report_id, 1, says("Mine."), READER)
    final = storage.reports.move(report.report_id, 2, "final", READER)
    assert (final.is_superseded, final.attention) == (False, "")
    # An amendment may cite it all the same, and says so.
    amended = storage.reports.move(
        report.report_id, 3, "amended", READER, sections=says("One.", "f1"), reason="Typed."
    )
    assert amended.is_superseded
    assert amended.attention


def test_whatever_report_of_the_patient_cites_them_is_marked(storage: Storage) -> None:
    earlier = received(storage, "earlier")
    later = received(storage, "later")
    job_id = found(storage, earlier, "f1")
    found(storage, later, "f2")
    # A count, such as of lesions, is compared by the report alone.
    preliminary(storage, later, says("Two, one before.", "f2", earlier="f1"))
    withdrawn(storage, job_id)
    assert storage.reports.states_of([later])[later].is_superseded
    event = [one for one in storage.events.since(0) if one.topic == "report"][-1]
    with reading(storage.engine) as connection:
        (notice,) = notices_of(connection, event)
    assert (notice.event_type, notice.data["state"]) == ("report.superseded", "preliminary")


def test_reports_of_before_are_marked_by_the_migration(storage: Storage) -> None:
    earlier, later = received(storage, "earlier"), received(storage, "later")
    job_id = found(storage, earlier, "f1")
    first = preliminary(storage, earlier, says("One.", "f1"))
    signed = storage.reports.move(first.report_id, 2, "final", READER)
    preliminary(storage, later, says("Two, one before.", "f2", earlier="f1"))
    other = received(storage, "other")
    preliminary(storage, other, (*says("Two.", "f2"), ReportSection("Limits", (limits("f1"),))))
    draft = received(storage, "draft")
    storage.reports.offer(
        draft, language="en", title="", sections=says("One.", "f1"), basis_digest="1"
    )
    with writing(storage.engine) as connection:
        superseded = update(t.job).where(t.job.c.job_id == job_id)
        connection.execute(superseded.values(ending="superseded", updated_at=signed.created_at))
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0063")
        command.upgrade(config, "head")
    there = storage.reports.states_of([earlier, later, other, draft])
    assert {study for study, one in there.items() if one.is_superseded} == {earlier, later}
    assert there[earlier].superseded_at == signed.signed_at, "no notice is older than the text"
    assert "were withdrawn" in there[later].attention
    assert (there[other].attention, there[draft].attention) == ("", "")
