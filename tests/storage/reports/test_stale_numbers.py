"""A text that a person touched says which of its numbers results no longer have."""

import pytest

from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.errors import StateConflict
from storage.reports.entities import Report, ReportSection, ReportSentence, SectionKind
from storage.reports.stale_numbers import stale_sentences
from tests.storage.instances import part10

READER = of_account("dr-a")
OWN = "Nodule of 7 mm, in my view."


def section(*texts: str, kind: SectionKind = "findings", origin: str = "template") -> ReportSection:
    sentences = tuple(
        ReportSentence(one, ("f1",), origin="person" if origin == "person" else "template")
        for one in texts
    )
    return ReportSection(kind.title(), sentences, kind)


def offered(storage: Storage, study: str, spleen: str, digest: str) -> Report:
    sections = (
        section("Slices of 26.4 mm.", kind="technique"),
        section(f"Spleen: {spleen} cm³.", "Left kidney: 171.2 cm³."),
    )
    return storage.reports.offer(
        study, language="en", title="CT", sections=sections, basis_digest=digest
    )


def edited(storage: Storage, report: Report, *texts: str) -> Report:
    return storage.reports.edit(
        report.report_id,
        report.version,
        (report.sections[0], section(*texts, origin="person")),
        READER,
    )


def study_of(storage: Storage) -> str:
    uid = storage.ingest.accept(part10(study="2.25.88"), "test").sop_instance_uid
    return storage.index.instance(uid).study_instance_uid


def test_an_edited_text_is_marked_and_not_signed_until_somebody_looked(storage: Storage) -> None:
    study = study_of(storage)
    report = edited(
        storage,
        offered(storage, study, "26.4", "1"),
        "The spleen has 26.4 cm³.",
        "Left kidney: 171.2 cm³.",
        OWN,
    )
    assert report.attention == ""
    report = offered(storage, study, "20.0", "2")
    assert report.attention.endswith(
        "It states what the results no longer say: 26.4 in “The spleen has 26.4 cm³.”."
    )
    with pytest.raises(StateConflict, match=r"26\.4 in “The spleen has 26\.4 cm³") as refused:
        storage.reports.move(report.report_id, report.version, "final", READER)
    assert "proposal" in refused.value.remedy
    # It may go on as a draft, and once it states what counts it is signed.
    report = storage.reports.move(report.report_id, report.version, "preliminary", READER)
    report = edited(storage, report, "The spleen has 20.0 cm³.", OWN)
    assert report.attention == "New or revised results came after this text was written."
    assert storage.reports.move(report.report_id, report.version, "final", READER).is_signed


def test_who_lets_the_text_stand_has_looked(storage: Storage) -> None:
    study = study_of(storage)
    report = edited(storage, offered(storage, study, "26.4", "1"), "The spleen has 26.4 cm³.")
    offered(storage, study, "20.0", "2")
    storage.reports.dismiss(report.report_id, report.version, READER)
    signed = storage.reports.move(report.report_id, report.version, "final", READER)
    # Later corrections mark the signed text again, as an amendment that repeats the number.
    marked = offered(storage, study, "18.0", "3")
    assert "26.4 in" in marked.attention
    text = (section("Spleen 26.4 cm³, bright.", origin="person"),)
    amended = storage.reports.move(
        signed.report_id, signed.version, "amended", READER, sections=text, reason="Wording."
    )
    assert "26.4 in “Spleen 26.4 cm³, bright.”" in amended.attention
    assert amended.proposal == marked.proposal
    text = (section("Spleen 18.0 cm³, bright.", origin="person"),)
    amended = storage.reports.move(
        signed.report_id, amended.version, "amended", READER, sections=text, reason="Corrected."
    )
    assert (amended.attention, amended.proposal) == ("", None)


def test_the_sentence_that_names_what_was_corrected_keeps_no_number_in_force() -> None:
    then = [section("Brain volume: 1,234.5 cm³.")]
    named = ReportSentence(
        "The value of “Brain volume” was corrected by dr-a; the software had measured 1,234.5 cm³.",
        ("f1",),
        basis="node",
        states_result=True,
    )
    now = [section("Brain volume: 1,300.0 cm³."), ReportSection("Findings", (named,), "findings")]
    (found,) = stale_sentences([section("Brain 1,234.5 cm³.", origin="person")], now, then)
    assert found.numbers == ("1,234.5",)
    # What the node itself has measured and no other sentence states counts, as a part does.
    part = [ReportSection("Findings", (named,), "findings")]
    assert stale_sentences([section("Brain 1,234.5 cm³.", origin="person")], part, then) == []


def test_numbers_count_in_what_is_found_alone_and_those_of_a_person_are_theirs() -> None:
    then = [section("Spleen: 1.204,5 cm³, 12 %.", "Liver: 26,4 cm³.")]
    now = [section("Spleen: 1.204,5 cm³, 14 %."), section("Kernel 26,4.", kind="technique")]
    text = [
        section("Milz 1.204,5 cm³ (12 %) und 7 mm.", "Leber 26,4 cm³.", origin="person"),
        section("12 slices.", kind="technique"),
    ]
    found = stale_sentences(text, now, then)
    assert [one.numbers for one in found] == [("12",), ("26,4",)]
    assert stale_sentences(text, then, then) == []


def test_of_many_sentences_some_are_named_and_the_others_counted(storage: Storage) -> None:
    study = study_of(storage)
    first = storage.reports.offer(
        study,
        language="en",
        title="CT",
        sections=(section(*(f"Lesion {n}: {n}.5 mm." for n in range(30, 50))),),
        basis_digest="1",
    )
    storage.reports.move(first.report_id, first.version, "preliminary", READER)
    marked = offered(storage, study, "20.0", "2")
    assert "30.5 in “Lesion 30: 30.5 mm.”" in marked.attention
    assert marked.attention.endswith("and in 10 more sentences.")
