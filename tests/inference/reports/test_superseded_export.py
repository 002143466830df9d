"""Signed reports whose results are withdrawn: who got them is notified, once, and in what way."""

from pathlib import Path

import pydicom
import pytest

from inference.reports.export.hl7_delivery import send_due
from inference.reports.export.publishing import publish_due
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.reports.entities import ReportSection, ReportSentence
from tests.dicom_node.hl7.mllp import acknowledged, parsed, system
from tests.e2e.support.checks import validators_errors
from tests.inference.reports.studies import drafted, measured_study, opened

READER = of_account("dr-jones")
# HL7 v2.5.1, 2.7: what would end a field, a component, a segment and the message (MLLP).
HOSTILE = "A | ^ & ~ \\ word\rOBX|9|TX|||No tumour||||||F\x1c\r"


@pytest.mark.slow
def test_receivers_of_a_signed_report_are_told_that_its_results_were_withdrawn(
    tmp_path: Path,
) -> None:
    answers = {"taken": "AA"}
    with (
        system(lambda message: acknowledged(message, answers["taken"])) as (port, taken),
        opened(
            tmp_path,
            hl7_destinations=f"ris=mllp://127.0.0.1:{port},his=mllp://127.0.0.1:1",
            destinations="pacs=PACS@127.0.0.1:1",
            report_delivery="signed",
        ) as storage,
    ):
        study = measured_study(storage)
        report = drafted(storage, study)
        (first, *others) = report.sections
        mine = ReportSentence(HOSTILE, report.sections[3].sentences[0].finding_ids)
        storage.reports.edit(
            report.report_id, 1, (first, *others, ReportSection("More", (mine,))), READER
        )
        storage.reports.move(report.report_id, 2, "final", READER)
        publish_due(storage)
        send_due(storage, "w")
        (finding,) = storage.findings.of_study(study)
        assert storage.withdrawals.supersede(finding.job_id, "The series changed.", utcnow())
        # A system that refuses for now is asked again, as for any message.
        answers["taken"] = "AE"
        assert publish_due(storage) == 1
        assert send_due(storage, "w") == 0
        answers["taken"] = "AA"
        (waiting,) = [one for one in storage.hl7_outbox.list()[0] if one.superseded_at]
        assert (waiting.destination, waiting.state, waiting.attempts) == ("ris", "PENDING", 1)
        storage.hl7_outbox.retry(waiting.message_id)
        assert send_due(storage, "w") == 1
        assert (publish_due(storage), send_due(storage, "w")) == (0, 0), "once"
        sent = storage.deliveries.of_study(study)
        files = {}
        for one in storage.index.instances_of(study):
            if one.source == "report:superseded":
                path = tmp_path / f"{one.sop_class_uid}.dcm"
                storage.instances.dataset(one).save_as(path)
                files[pydicom.dcmread(path).Modality] = path
        corrected = ReportSection("Findings", (ReportSentence("Read again.", basis="person"),))
        storage.reports.move(
            report.report_id, 3, "amended", READER, sections=[corrected], reason="More images."
        )
        publish_due(storage)
        send_due(storage, "w")
        amended = [
            storage.instances.dataset(one)
            for one in storage.index.instances_of(study)
            if one.source == "report"
        ]
        numbers = {one.state for one in storage.hl7_outbox.list()[0] if one.destination == "his"}
        assert numbers == {"PENDING"}, "it never got the report"

    signed, refused, notice, replaced = (parsed(one) for one in taken)
    assert refused.msh.msh_10.value == notice.msh.msh_10.value != signed.msh.msh_10.value
    assert [one.obr.obr_25.value for one in (signed, notice, replaced)] == ["F", "C", "C"]
    assert notice.msh.msh_7.value >= signed.msh.msh_7.value
    assert notice.obr.obr_3.value == signed.obr.obr_3.value
    before, after = observations(signed), observations(notice)
    notice = after.pop(("TX", "48767-8", "0.1"))
    assert notice[0].startswith("NOT CURRENT: on ")
    assert notice[1] == "F"
    # The same observations; what rests on the withdrawn one is posted as wrong, with its value.
    assert after.keys() == before.keys()
    wrong = {key for key, (_, status) in after.items() if status == "W"}
    assert {status for key, (_, status) in after.items() if key not in wrong} == {"F"}
    assert {key: after[key][0] for key in after if key[0] == "NM"} == {
        key: before[key][0] for key in before if key[0] == "NM"
    }
    assert {key for key in after if key[0] == "NM"} < wrong
    assert {key for key in wrong if key[0] == "TX"}
    for key in after:
        ending = " [rests on withdrawn results]" if key[0] == "TX" and key in wrong else ""
        assert after[key][0] == before[key][0] + ending
    # The last version takes the notice away, also where observations are kept one by one.
    assert observations(replaced)["TX", "48767-8", "0.1"] == ("", "D")
    assert {status for _, status in observations(replaced).values()} == {"C", "D"}

    assert [one.destination for one in sent] == ["pacs"] * 4
    sr, pdf = pydicom.dcmread(files["SR"]), pydicom.dcmread(files["DOC"])
    for path in files.values():
        assert validators_errors(path) == []
    assert (sr.VerificationFlag, sr.CompletionFlag, pdf.VerificationFlag) == (
        "UNVERIFIED", "PARTIAL", "UNVERIFIED",
    )  # fmt: skip
    assert "not current" in sr.SeriesDescription
    shown = sr.to_json()
    assert '"NUM"' not in shown, "no program may take them for current values"
    assert "NOT CURRENT: on " in shown
    assert "[rests on withdrawn results]" in shown
    last = max((one for one in amended if one.Modality == "SR"), key=lambda one: one.InstanceNumber)
    before_it = {
        reference.ReferencedSOPInstanceUID
        for study_item in last.PredecessorDocumentsSequence
        for series in study_item.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    }
    assert sr.SOPInstanceUID in before_it
    assert len(before_it) == 2


def observations(message: object) -> dict[tuple[str, str, str], tuple[str, str]]:
    """By type, code and sub-ID: value and status."""
    found = {}
    for one in message.children:  # type: ignore[attr-defined]
        if one.name == "OBX" and one.obx_2.value != "HD":
            key = (one.obx_2.value, one.obx_3.obx_3_1.value, one.obx_4.value)
            found[key] = (one.obx_5.value, one.obx_11.value)
    return found
