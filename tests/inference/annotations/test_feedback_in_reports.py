"""What people say of findings gets into the report, and volumes are compared with the prior."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import highdicom as hd
import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from sqlalchemy import update

from inference.annotations.content import replaced_by
from inference.annotations.feedback_reports import write_feedback_reports
from inference.annotations.feedback_standing import standing_after_feedback
from inference.deliveries.storing import want_delivery
from inference.prior_comparison import StoredComparisons
from inference.reports.due import draft_due
from inference.result_identity import ResultKindName
from inference.results.encode import EncodedResults, ResultObject
from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.findings import Code, Finding
from storage.db.engine import writing
from storage.peers.entities import KnownPeer
from tests.inference.annotations.compared_studies import (
    changes,
    made,
    made_since,
    named,
    of_kinds,
    pdf_text,
    report,
    values,
    wanted,
    words,
)
from tests.inference.orchestration import later, storage_in
from tests.inference.results_support import complaints, save

CM3_A_VOXEL = 2.5 * 0.8 * 0.6 / 1000


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, feedback_quiet_s=0) as opened:
        yield opened


def test_a_word_gives_a_version_that_replaces_the_report_and_follows_it(
    storage: Storage, tmp_path: Path
) -> None:
    job = made(storage, 1, "20240101")
    old = report(storage, job)
    brain, cerebellum = storage.findings.of_job(job.job_id)
    say = storage.finding_feedback.add
    say(brain, "CORRECTED", of_account("dr-jones"), value=1.5, unit=brain.unit, reason="Too small.",
        verifies=True)  # fmt: skip
    say(cerebellum, "REJECTED", of_account("dr-jones"), verifies=True)
    assert write_feedback_reports(storage, utcnow()) == 1
    new = report(storage, job)
    assert list(replaced_by(new)) == [old.SOPInstanceUID]
    assert new.SeriesInstanceUID == old.SeriesInstanceUID
    assert values(new) == {"brain-volume: Brain": 1.5}
    assert words(new) == [
        f"Brain volume {brain.value:.10g} cm3: corrected to 1.5 cm3 by dr-jones,"
        f" {_said(storage, brain.finding_id)} UTC. Too small.",
        f"Cerebellum volume {cerebellum.value:.10g} cm3: rejected by dr-jones,"
        f" {_said(storage, cerebellum.finding_id)} UTC.",
    ]
    # Every finding has the word of somebody who may verify.
    assert new.VerificationFlag == "VERIFIED"
    assert [str(one.VerifyingObserverName) for one in new.VerifyingObserverSequence] == ["dr-jones"]
    assert complaints(save(new, tmp_path / "new.dcm")) == []
    sent = storage.deliveries.of_study(job.study_instance_uid)
    assert new.SOPInstanceUID in {one.sop_instance_uid for one in sent}
    # Nothing was said since.
    assert write_feedback_reports(storage, utcnow()) == 0
    assert values(old) == {
        "brain-volume: Brain": brain.value, "brain-volume: Cerebellum": cerebellum.value
    }  # fmt: skip


def _said(storage: Storage, finding_id: str) -> str:
    (word,) = storage.finding_feedback.of_findings([finding_id])[finding_id]
    return f"{word.given_at:%Y-%m-%d %H:%M}"


def test_a_word_that_is_taken_back_leaves_no_trace_and_one_alone_verifies_nothing(
    storage: Storage,
) -> None:
    job = made(storage, 2, "20240101")
    brain, cerebellum = storage.findings.of_job(job.job_id)
    storage.finding_feedback.add(brain, "REJECTED", of_account("dr-jones"), verifies=True)
    assert write_feedback_reports(storage, utcnow()) == 1
    first = report(storage, job)
    assert values(first) == {"brain-volume: Cerebellum": cerebellum.value}
    assert first.VerificationFlag == "UNVERIFIED"
    storage.finding_feedback.add(brain, "ACCEPTED", of_account("dr-jones"), verifies=True)
    storage.finding_feedback.add(cerebellum, "ACCEPTED", of_account("a-program"))
    assert write_feedback_reports(storage, utcnow()) == 1
    second = report(storage, job)
    assert list(replaced_by(second)) == [first.SOPInstanceUID]
    assert set(values(second)) == {"brain-volume: Brain", "brain-volume: Cerebellum"}
    assert second.VerificationFlag == "UNVERIFIED"


def test_several_words_in_a_row_give_one_version(tmp_path: Path) -> None:
    with storage_in(tmp_path, feedback_quiet_s=60) as storage:
        job = made(storage, 3, "20240101")
        for finding in storage.findings.of_job(job.job_id):
            storage.finding_feedback.add(finding, "ACCEPTED", of_account("dr-jones"))
        assert write_feedback_reports(storage, utcnow()) == 0
        assert write_feedback_reports(storage, utcnow() + timedelta(seconds=61)) == 1
        assert len(words(report(storage, job))) == 2


def test_a_volume_tells_how_much_it_changed_since_the_prior(
    storage: Storage, tmp_path: Path
) -> None:
    before = made(storage, 4, "20230101")
    now = made(storage, 5, "20240101", arm=4)
    brain, cerebellum = storage.findings.of_job(now.job_id)
    (_, was) = storage.findings.of_job(before.job_id)
    assert brain.prior is not None
    assert (brain.prior.change_percent, brain.prior.days) == (0.0, 365)
    prior = cerebellum.prior
    assert prior is not None
    assert (prior.study_date, prior.value, prior.finding_id) == (
        "20230101",
        was.value,
        was.finding_id,
    )
    assert cerebellum.value is not None
    assert was.value is not None
    assert prior.change_percent == pytest.approx(
        (cerebellum.value / was.value - 1) * 100, abs=0.006
    )
    assert prior.change_percent_per_year == pytest.approx(
        prior.change_percent * 365.25 / 365, abs=0.02
    )
    document = report(storage, now)
    assert document.PertinentOtherEvidenceSequence[0].StudyInstanceUID == before.study_instance_uid
    group = hd.sr.MeasurementReport.from_sequence(
        [document], is_root=True
    ).get_volumetric_roi_measurement_groups()[1]
    stated = {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}
    assert stated["Fractional Change"] == (prior.change_percent, "%")
    assert stated["Fractional change per year"] == (prior.change_percent_per_year, "%/a")
    assert complaints(save(document, tmp_path / "sr.dcm")) == []


def test_another_patient_a_later_study_and_a_rejected_value_are_no_prior(
    storage: Storage,
) -> None:
    first = made(storage, 6, "20230101")
    second = made(storage, 7, "20230115")
    for finding in storage.findings.of_job(second.job_id):
        assert finding.prior is not None
        # Two weeks: a change, and no rate.
        assert finding.prior.change_percent_per_year is None
    rejected = storage.findings.of_job(second.job_id)[0]
    storage.finding_feedback.add(rejected, "REJECTED", of_account("dr-jones"))
    corrected = storage.findings.of_job(second.job_id)[1]
    storage.finding_feedback.add(
        corrected,
        "CORRECTED",
        of_account("dr-jones"),
        value=0.02,
        unit=Code("cm3", "UCUM", "cubic centimeter"),
    )
    third = made(storage, 8, "20240101")
    brain, cerebellum = storage.findings.of_job(third.job_id)
    assert brain.prior is not None
    assert brain.prior.study_instance_uid == first.study_instance_uid
    assert cerebellum.prior is not None
    assert cerebellum.prior.value == 0.02
    assert all(one.prior is None for one in storage.findings.of_job(first.job_id))


def test_a_comparison_ends_where_the_value_before_is_rejected(storage: Storage) -> None:
    before, now = made(storage, 9, "20230101"), made(storage, 10, "20240101")
    draft_due(storage, later(3600))
    assert all(one.prior is not None for one in storage.findings.of_job(now.job_id))
    for finding in storage.findings.of_job(before.job_id):
        storage.finding_feedback.add(finding, "REJECTED", of_account("dr-jones"))
    draft_due(storage, later(3600))
    draft_due(storage, later(7200))
    assert [one.prior for one in storage.findings.of_job(now.job_id)] == [None, None]


def test_a_later_report_states_no_change_since_a_value_that_was_corrected(
    storage: Storage, tmp_path: Path
) -> None:
    before = made(storage, 21, "20230101")
    now = made(storage, 22, "20240101", arm=4, kinds=("PDF",))
    old = report(storage, now)
    changed = [one for one in storage.findings.of_job(now.job_id) if one.prior is not None]
    assert {one.label for one in changed} == {"Brain volume", "Cerebellum volume"}
    assert changes(old)
    (then,) = [
        one for one in storage.findings.of_job(before.job_id) if one.label == "Cerebellum volume"
    ]
    (own,) = of_kinds(now, "PDF")
    held = {one.sop_instance_uid for one in storage.index.instances_of(now.study_instance_uid)}
    storage.finding_feedback.add(
        then, "CORRECTED", of_account("dr-jones"), value=(then.value or 0) * 3, unit=then.unit
    )
    compare = StoredComparisons(storage)
    assert write_feedback_reports(storage, utcnow(), compare) == 1
    assert write_feedback_reports(storage, utcnow(), compare) == 0
    new = report(storage, now)
    assert list(replaced_by(new)) == [old.SOPInstanceUID]
    assert changes(new) == []
    assert values(new) == values(old)
    assert words(new) == [
        "Cerebellum volume: the comparison with an earlier study is left out, since what it rested"
        " on was corrected, rejected, withdrawn, deleted or moved afterwards."
    ]
    assert complaints(save(new, tmp_path / "new.dcm")) == []
    since = made_since(storage, now, held)
    assert set(since) == {"SR", "DOC", "KO"}
    assert named(since["KO"]) == {own}
    text = pdf_text(storage, str(since["DOC"].SOPInstanceUID))
    assert "the comparison with an earlier study is left out" in " ".join(text.split())


def test_an_earlier_study_of_the_same_day_is_named_by_its_time(storage: Storage) -> None:
    before = made(storage, 11, "20240110", time="0810")
    now = made(storage, 12, "20240110", arm=4, time="081500")
    _, cerebellum = storage.findings.of_job(now.job_id)
    assert cerebellum.prior is not None
    assert cerebellum.prior.study_instance_uid == before.study_instance_uid
    assert (cerebellum.prior.days, cerebellum.prior.study_time) == (0, "0810")
    assert all(one.prior is None for one in storage.findings.of_job(before.job_id))
    times = [
        one.Time
        for group in report(storage, now).ContentSequence[-1].ContentSequence
        for number in group.ContentSequence
        for one in number.get("ContentSequence", ())
        if one.ValueType == "TIME"
    ]
    assert set(times) == {"0810"}
    draft_due(storage, later(3600))
    draft = storage.reports.states_of([now.study_instance_uid])[now.study_instance_uid]
    text = " ".join(one.text for section in draft.sections for one in section.sentences)
    assert "since 10 January 2024 at 08:10 (from" in text
    assert "MRI of 10 January 2024 at 08:10." in text
    # As text, with the colons of ACR-NEMA, the earlier time would come after the later one.
    of_before = t.study.c.study_instance_uid == before.study_instance_uid
    with writing(storage.engine) as connection:
        connection.execute(update(t.study).where(of_before).values(study_time="08:10:00"))
    assert storage.patient_studies.before(now.study_instance_uid) == [before.study_instance_uid]


def _pdf_pictures(storage: Storage, uid: str) -> list[NDArray[np.uint8]]:
    """RGB, as another program reads them."""
    document = storage.instances.dataset(storage.generated.instance(uid)).EncapsulatedDocument
    found = []
    for page in pypdfium2.PdfDocument(document):
        for one in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]):
            found.append(one.get_bitmap().to_numpy()[..., 2::-1])
    return found


def _is_in(pictures: Sequence[NDArray[np.uint8]], finding: Finding) -> bool:
    assert finding.segmentation is not None
    color = finding.segmentation.color_rgb
    return any((one == color).all(axis=-1).any() for one in pictures)


def test_pictures_are_left_out_where_nothing_can_draw_them_again(storage: Storage) -> None:
    """As where the pipeline is no longer installed."""
    job = made(storage, 16, "20240101", kinds=("PDF",))
    (own,) = of_kinds(job, "PDF")
    brain, _ = storage.findings.of_job(job.job_id)
    storage.finding_feedback.add(brain, "REJECTED", of_account("dr-jones"))
    held = storage.index.instances_of(job.study_instance_uid)
    with writing(storage.engine) as connection:
        connection.execute(update(t.job).values(pipeline_version="0.0.1"))
    assert write_feedback_reports(storage, utcnow()) == 1
    new = made_since(storage, job, {one.sop_instance_uid for one in held})["DOC"]
    uid = str(new.SOPInstanceUID)
    assert _pdf_pictures(storage, uid) == []
    assert "whose pictures are left out" in pdf_text(storage, uid).replace("\r\n", " ")
    assert _pdf_pictures(storage, own)


def test_what_states_a_rejected_value_is_withdrawn_where_it_lies_and_the_pdf_written_again(
    storage: Storage, tmp_path: Path
) -> None:
    job = made(storage, 13, "20240101", kinds=("SC", "PDF", "KOS", "STACK"))
    stating = of_kinds(job, "SC", "PDF", "KOS")
    sent = storage.deliveries.claim_due("sender", 60, utcnow(), 100)
    storage.deliveries.arrived([one.delivery_id for one in sent], "sender", utcnow())
    brain, cerebellum = storage.findings.of_job(job.job_id)
    say = storage.finding_feedback.add
    say(brain, "CORRECTED", of_account("dr-jones"), value=1.5, unit=brain.unit)
    say(cerebellum, "REJECTED", of_account("dr-jones"), reason="Not the cerebellum.")
    held = {one.sop_instance_uid for one in storage.index.instances_of(job.study_instance_uid)}
    assert write_feedback_reports(storage, utcnow()) == 1
    new = made_since(storage, job, held)
    assert set(new) == {"SR", "DOC", "KO"}
    note, pdf = new["KO"], new["DOC"]
    assert note.ConceptNameCodeSequence[0].CodeValue == "113037"
    assert named(note) == stating
    for name, one in (("note", note), ("pdf", pdf)):
        assert complaints(save(one, tmp_path / f"{name}.dcm")) == []
    assert {str(one.SOPInstanceUID) for one in new.values()} <= wanted(storage, job)
    (own,) = of_kinds(job, "PDF")
    before = storage.instances.dataset(storage.generated.instance(own))
    assert (pdf.SeriesInstanceUID, pdf.InstanceNumber) == (before.SeriesInstanceUID, 2)
    text = pdf_text(storage, str(pdf.SOPInstanceUID))
    assert f"{cerebellum.value:.3f}"[:5] in pdf_text(storage, own)
    assert "Research use only" in text
    assert "1.50 cm³" in text
    assert "left out" in text
    assert "rejected by dr-jones" in text
    assert "Not the cerebellum." in text
    # The pictures of before, with the values of now and without what was rejected.
    pictures, drawn_again = (_pdf_pictures(storage, uid) for uid in (own, str(pdf.SOPInstanceUID)))
    assert len(drawn_again) == len(pictures) > 0
    assert _is_in(pictures, brain)
    assert _is_in(pictures, cerebellum)
    assert _is_in(drawn_again, brain)
    assert not _is_in(drawn_again, cerebellum)
    # Taken back: the PDF follows once more, and the one before is withdrawn.
    held |= {str(one.SOPInstanceUID) for one in new.values()}
    for finding in (brain, cerebellum):
        say(finding, "ACCEPTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    again = made_since(storage, job, held)
    assert again["DOC"].InstanceNumber == 3
    text = pdf_text(storage, str(again["DOC"].SOPInstanceUID))
    assert "left out" not in text
    restored = _pdf_pictures(storage, str(again["DOC"].SOPInstanceUID))
    assert all(map(np.array_equal, restored, pictures))
    # What the first note withdrew is not withdrawn again.
    assert named(again["KO"]) == {str(pdf.SOPInstanceUID)}
    # Unless it was wanted somewhere since.
    held |= {str(one.SOPInstanceUID) for one in again.values()}
    picture = min(of_kinds(job, "SC"))
    storage.deliveries.enqueue("ANOTHER", [storage.generated.instance(picture)], job.job_id)
    for finding in (brain, cerebellum):
        say(finding, "REJECTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    last = made_since(storage, job, held)["KO"]
    assert named(last) == {picture, str(again["DOC"].SOPInstanceUID)}


def test_what_was_not_sent_yet_is_not_sent_and_acceptance_withdraws_nothing(
    storage: Storage,
) -> None:
    job = made(storage, 14, "20240101", kinds=("SC", "PDF"))
    brain, cerebellum = storage.findings.of_job(job.job_id)
    held = {one.sop_instance_uid for one in storage.index.instances_of(job.study_instance_uid)}
    storage.finding_feedback.add(brain, "ACCEPTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    assert set(made_since(storage, job, held)) == {"SR"}
    storage.finding_feedback.add(cerebellum, "REJECTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    new = made_since(storage, job, held)
    still = wanted(storage, job)
    assert not of_kinds(job, "SC", "PDF") & still
    assert str(new["DOC"].SOPInstanceUID) in still
    assert str(new["KO"].SOPInstanceUID) not in still


def test_feedback_on_what_was_withdrawn_meanwhile_gives_no_new_version(storage: Storage) -> None:
    job = made(storage, 15, "20240101", kinds=("PDF",))
    sent = storage.deliveries.claim_due("sender", 60, utcnow(), 100)
    storage.deliveries.arrived([one.delivery_id for one in sent], "sender", utcnow())
    brain, _ = storage.findings.of_job(job.job_id)
    storage.finding_feedback.add(brain, "REJECTED", of_account("dr-jones"))
    assert storage.withdrawals.supersede(job.job_id, "The series changed.", utcnow())
    held = storage.index.instances_of(job.study_instance_uid)
    assert write_feedback_reports(storage, utcnow()) == 0
    # It would stand at the archive as a result, after the note that rejects the others.
    assert storage.index.instances_of(job.study_instance_uid) == held
    assert storage.feedback_reports.due(timedelta(0), utcnow(), 10) == []


def _wanted_of_a_run(storage: Storage, job: Job, destination: str) -> set[str]:
    """What a destination gets that is wanted for the first time when the job runs once more."""
    made = [
        (cast(ResultKindName, one["kind"]), storage.generated.instance(one["sop_instance_uid"]))
        for one in job.result["instances"]
    ]
    results = EncodedResults(
        (), tuple(ResultObject(kind, storage.instances.dataset(one)) for kind, one in made)
    )
    want_delivery(
        storage.deliveries,
        storage.settings,
        job,
        results,
        [one for _, one in made],
        [KnownPeer(destination)],
        instead=standing_after_feedback(storage, job),
    )
    deliveries = storage.deliveries.of_study(job.study_instance_uid)
    return {one.sop_instance_uid for one in deliveries if one.destination == destination}


def test_a_job_that_runs_again_sends_what_counts_after_feedback(storage: Storage) -> None:
    job = made(storage, 17, "20240101", kinds=("SC", "PDF", "KOS"))
    everything = {str(one["sop_instance_uid"]) for one in job.result["instances"]}
    assert _wanted_of_a_run(storage, job, "FIRST") == everything
    brain, cerebellum = storage.findings.of_job(job.job_id)
    held = {one.sop_instance_uid for one in storage.index.instances_of(job.study_instance_uid)}
    storage.finding_feedback.add(cerebellum, "REJECTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    new = made_since(storage, job, held)
    versions = {str(new[modality].SOPInstanceUID) for modality in ("SR", "DOC")}
    withdrawn = of_kinds(job, "SC", "PDF", "KOS")
    assert _wanted_of_a_run(storage, job, "SECOND") == everything - withdrawn | versions
    # Taken back: pictures count again, and the newest PDF stands.
    held |= {str(one.SOPInstanceUID) for one in new.values()}
    storage.finding_feedback.add(cerebellum, "ACCEPTED", of_account("dr-jones"))
    assert write_feedback_reports(storage, utcnow()) == 1
    again = made_since(storage, job, held)
    versions = {str(again[modality].SOPInstanceUID) for modality in ("SR", "DOC")}
    own_pdf = of_kinds(job, "PDF")
    assert _wanted_of_a_run(storage, job, "THIRD") == everything - own_pdf | versions
    assert storage.findings.of_job(job.job_id) == [brain, cerebellum]
