"""Reports in the ledger: drafts, people's text, signatures, versions, and what is never lost."""

import pytest

from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict, VersionConflict
from storage.reports.entities import Report, ReportSection, ReportSentence

STUDY = "2.25.77"


def text(*sentences: str, origin: str = "template") -> tuple[ReportSection, ...]:
    return (
        ReportSection(
            "Findings",
            tuple(
                ReportSentence(one, ("f1",), ("p1",), ("2.25.3",), origin=origin)  # type: ignore[arg-type]
                for one in sentences
            ),
        ),
    )


def offered(storage: Storage, sections: tuple[ReportSection, ...], basis: str = "1") -> Report:
    return storage.reports.offer(
        STUDY, language="en", title="CT of the chest", sections=sections, basis_digest=basis
    )


def changes(storage: Storage) -> list[str]:
    return [
        event.payload["change"]
        for event in storage.events.since(0, study_instance_uid=STUDY)
        if event.topic == "report"
    ]


def test_a_draft_is_kept_whole_and_drafted_anew_while_nobody_touched_it(storage: Storage) -> None:
    first = offered(storage, text("Lungs 4.9 L."))
    assert first.sections == text("Lungs 4.9 L.")
    assert offered(storage, text("Lungs 4.9 L.")) == first, "the same draft is not a new version"
    second = offered(storage, text("Lungs 5.0 L."), "2")
    assert (second.report_id, second.version, second.state) == (first.report_id, 2, "draft")
    assert storage.reports.of_study(STUDY) == [second]
    assert [one.version for one in storage.reports.versions(first.report_id)] == [2, 1]
    assert storage.reports.version(first.report_id, 1).sections == first.sections
    assert changes(storage) == ["drafted", "drafted"]


def test_a_persons_text_is_never_replaced_but_told_that_something_came(storage: Storage) -> None:
    report = offered(storage, text("Lungs 4.9 L."))
    edited = storage.reports.edit(
        report.report_id, 1, text("Mine.", origin="person"), of_account("dr-a")
    )
    assert (edited.version, edited.changed_by) == (2, "dr-a")
    stated = offered(storage, text("Lungs 5.0 L."), "2")
    assert stated.sections == text("Mine.", origin="person")
    assert stated.attention
    assert stated.proposal == text("Lungs 5.0 L.")
    assert stated.version == 2, "what waits beside the text is not a version of it"
    assert offered(storage, text("Lungs 5.0 L."), "2") == stated
    kept = storage.reports.dismiss(report.report_id, 2, of_account("dr-a"))
    assert (kept.attention, kept.proposal) == ("", None)
    assert offered(storage, text("Lungs 5.0 L."), "2") == kept, "seen once is seen"
    replaced = storage.reports.offer(
        STUDY, language="de", title="CT", sections=text("Neu."), basis_digest="3", replace=True
    )
    assert (replaced.sections, replaced.language, replaced.version) == (text("Neu."), "de", 3)


def test_a_signed_report_stays_as_it_was_signed(storage: Storage) -> None:
    report = offered(storage, text("Lungs 4.9 L."))
    storage.reports.move(report.report_id, 1, "preliminary", of_account("dr-a"))
    final = storage.reports.move(report.report_id, 2, "final", of_account("dr-b"))
    assert (final.signed_by, final.version) == ("dr-b", 3)
    assert final.signed_at is not None
    with pytest.raises(StateConflict, match="final"):
        storage.reports.edit(report.report_id, 3, text("Other."), of_account("dr-b"))
    stated = storage.reports.offer(
        STUDY, language="en", title="", sections=text("New."), basis_digest="2", replace=True
    )
    assert stated.sections == final.sections
    assert stated.proposal == text("New.")
    for wanted in ("draft", "preliminary", "final"):
        with pytest.raises(StateConflict):
            storage.reports.move(report.report_id, 3, wanted, of_account("dr-b"))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="why"):
        storage.reports.move(
            report.report_id, 3, "amended", of_account("dr-b"), sections=text("New.")
        )
    with pytest.raises(InvalidRequest, match="nothing"):
        storage.reports.move(
            report.report_id,
            3,
            "amended",
            of_account("dr-b"),
            sections=final.sections,
            reason="Because.",
        )
    amended = storage.reports.move(
        report.report_id,
        3,
        "amended",
        of_account("dr-c"),
        sections=text("New."),
        reason="A late series.",
    )
    assert (amended.state, amended.version, amended.signed_by) == ("amended", 4, "dr-c")
    assert amended.attention == ""
    assert storage.reports.version(report.report_id, 3).sections == final.sections
    assert storage.reports.version(report.report_id, 4).reason == "A late series."
    assert changes(storage) == ["drafted", "preliminary", "final", "attention", "amended"]


def test_who_changes_an_older_version_is_told(storage: Storage) -> None:
    report = offered(storage, text("Lungs 4.9 L."))
    storage.reports.edit(report.report_id, 1, text("A."), of_account("dr-a"))
    with pytest.raises(VersionConflict, match=r"version 2, made by dr-a") as refused:
        storage.reports.edit(report.report_id, 1, text("B."), of_account("dr-b"))
    assert "diff" in refused.value.remedy
    with pytest.raises(VersionConflict):
        storage.reports.move(report.report_id, 1, "final", of_account("dr-b"))
    with pytest.raises(NotFound):
        storage.reports.edit("none", 1, text("B."), of_account("dr-b"))


def test_an_empty_report_is_not_signed(storage: Storage) -> None:
    report = offered(storage, text("Lungs 4.9 L."))
    storage.reports.edit(report.report_id, 1, (ReportSection("Findings", ()),), of_account("dr-a"))
    with pytest.raises(InvalidRequest, match="empty"):
        storage.reports.move(report.report_id, 2, "final", of_account("dr-a"))


def test_images_of_no_study_have_a_report_each(storage: Storage) -> None:
    for job in ("j1", "j2"):
        storage.reports.offer(
            "", job_id=job, language="en", title="", sections=text("A."), basis_digest="1"
        )
    assert storage.reports.list()[1] == 2
    assert storage.reports.states_of([""]) == {}


def test_a_study_is_due_once_nothing_runs_or_it_has_waited(storage: Storage) -> None:
    job, _ = storage.jobs.schedule("brain-volume", "1", STUDY, "2.25.3", "f" * 64)
    other, _ = storage.jobs.schedule("brain-structures", "1", STUDY, "2.25.3", "f" * 64)
    before = utcnow()
    assert storage.jobs.claim(job.job_id, "w", 60, before)
    assert storage.jobs.complete(job.job_id, "w", {}, utcnow())
    assert storage.draft_queue.due(before, 10) == [], "another pipeline is still to run"
    assert [study for study, _ in storage.draft_queue.due(utcnow(), 10)] == [STUDY]
    assert storage.jobs.cancel(other.job_id, "No.", utcnow())
    ((study, at),) = storage.draft_queue.due(before, 10)
    storage.draft_queue.mark(study, utcnow())
    storage.draft_queue.done(study, at)
    assert storage.draft_queue.due(before, 10), "it changed again meanwhile"
