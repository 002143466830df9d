"""Reports on their way out: SR and PDF that others read, ORU that a system acknowledges."""

import ssl
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pydicom
import pytest

from inference.reports.due import draft_due
from inference.reports.export.hl7_delivery import send_due
from inference.reports.export.publishing import publish_due
from inference.reports.export.text import as_text
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.findings import NormalRange
from storage.patient_identity.entities import Origin, PatientKey, Statement
from tests.dicom_node.certificates import Authority
from tests.dicom_node.hl7.mllp import acknowledged, parsed, system
from tests.e2e.support.checks import dsrdump, validators_errors
from tests.inference.reports.studies import drafted, measured_study, opened
from tests.services import tool

sending_drafts = partial(opened, report_delivery="all")


def published(storage: Storage, folder: Path) -> dict[str, Path]:
    """The report's objects as files, by modality and version."""
    assert publish_due(storage) == 1
    files: dict[str, Path] = {}
    for study in storage.index.studies(10, 0, "")[0]:
        for series in storage.index.series_of(study.study_instance_uid):
            for instance in storage.index.instances_of(
                study.study_instance_uid, series.series_instance_uid
            ):
                if instance.source == "report":
                    dataset = storage.instances.dataset(instance)
                    path = folder / f"{dataset.Modality}{dataset.InstanceNumber}.dcm"
                    dataset.save_as(path)
                    files[path.stem] = path
    return files


def test_drafts_and_signed_reports_leave_as_valid_sr_and_pdf(tmp_path: Path) -> None:
    with sending_drafts(
        tmp_path, destinations="pacs=PACS@127.0.0.1:1", institution_name="St. E"
    ) as storage:
        report = drafted(storage, measured_study(storage))
        draft = published(storage, tmp_path)
        assert set(draft) == {"SR1", "DOC1"}
        assert publish_due(storage) == 0, "once is enough"
        storage.reports.move(report.report_id, 1, "final", of_account("dr-jones"))
        files = published(storage, tmp_path)
        assert set(files) == {"SR1", "DOC1", "SR2", "DOC2"}
        sent = storage.deliveries.of_study(report.study_instance_uid)
        assert len(sent) == 4
    for path in files.values():
        assert validators_errors(path) == []
    first, second = pydicom.dcmread(files["SR1"]), pydicom.dcmread(files["SR2"])
    assert (first.VerificationFlag, first.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert (second.VerificationFlag, second.PreliminaryFlag) == ("VERIFIED", "FINAL")
    observer = second.VerifyingObserverSequence[0]
    assert (observer.VerifyingObserverName, observer.VerifyingOrganization) == (
        "dr-jones^",
        "St. E",
    )
    assert str(second.PatientName) == "Müller^Jürgen"
    (predecessor,) = second.PredecessorDocumentsSequence
    replaced = predecessor.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert replaced.ReferencedSOPInstanceUID == first.SOPInstanceUID
    shown = dsrdump(files["SR2"])
    assert "The brain has a volume" in shown
    assert '"Brain volume")="1234.5" (cm3,UCUM' in shown
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(pydicom.dcmread(files["DOC1"]).EncapsulatedDocument)
    text = subprocess.run(
        [tool("pdftotext", "poppler-utils"), "-layout", str(pdf), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DRAFT, not signed" in text
    assert "The brain has a volume of 1,234.5 cm³. [1]" in text
    assert "Müller" in text


def test_drafts_stay_unless_the_site_wants_them_to_leave(tmp_path: Path) -> None:
    with opened(tmp_path, destinations="pacs=PACS@127.0.0.1:1") as storage:
        report = drafted(storage, measured_study(storage))
        assert publish_due(storage) == 1
        assert storage.deliveries.of_study(report.study_instance_uid) == []
        storage.reports.move(report.report_id, 1, "final", of_account("dr-jones"))
        assert publish_due(storage) == 1
        assert len(storage.deliveries.of_study(report.study_instance_uid)) == 2


def test_a_report_reaches_a_system_by_hl7(tmp_path: Path) -> None:
    with (
        system(lambda message: acknowledged(message, "AA")) as (port, taken),
        sending_drafts(tmp_path, hl7_destinations=f"ris=mllp://127.0.0.1:{port}") as storage,
    ):
        normal = NormalRange("cm3", 1000.5, 1200.0, "Cohort of the site", percentile=97.2)
        report = drafted(storage, measured_study(storage, normal_range=normal))
        assert publish_due(storage) == 1
        assert send_due(storage, "w") == 1
        storage.reports.move(report.report_id, 1, "final", of_account("dr-jones"))
        publish_due(storage)
        assert send_due(storage, "w") == 1
        assert {one.state for one in storage.hl7_outbox.list()[0]} == {"ACCEPTED"}
    first, second = (parsed(one) for one in taken)
    assert first.msh.msh_9.value == "ORU^R01^ORU_R01"
    assert first.pid.pid_5.value == "Müller^Jürgen"
    assert (first.obr.obr_3.value, first.obr.obr_25.value) == ("A-1", "P")
    assert (second.obr.obr_25.value, second.obr.obr_32.value) == ("F", "dr-jones")
    stated = [one for one in first.children if one.name == "OBX"]
    text = next(one for one in stated if "brain has a volume" in one.obx_5.value)
    number = next(one for one in stated if one.obx_2.value == "NM" and
                  one.obx_4.value == text.obx_4.value)  # fmt: skip
    assert (number.obx_5.value, number.obx_6.obx_6_1.value) == ("1234.5", "cm3")
    assert (number.obx_7.value, number.obx_8.value) == ("1000.5-1200", "H")
    assert text.obx_5.value == "The brain has a volume of 1,234.5 cm³."
    assert any(
        one.obx_5.value
        == "Among reference values: volume of the brain: 97th percentile, above normal,"
        " normal 1,000.5 cm³ to 1,200.0 cm³."
        for one in stated
    )


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (lambda message: acknowledged(message, "AE"), "PENDING", "AE"),
        (lambda message: acknowledged(message, "AR"), "DEAD", "rejected"),
        (lambda message: None, "PENDING", "without an answer"),
        (lambda message: b"nonsense", "PENDING", "not an HL7"),
        (
            lambda message: acknowledged(message, "AA").replace(b"|AA|", b"|AA|x"),
            "PENDING",
            "another message",
        ),
    ],
)
def test_what_is_not_acknowledged_is_tried_again_or_told_dead(
    tmp_path: Path, answer: Callable[[bytes], bytes | None], state: str, reason: str
) -> None:
    answers = iter([answer, lambda message: acknowledged(message, "AA")])

    def respond(message: bytes) -> bytes | None:
        return next(answers)(message)

    with (
        system(respond) as (port, taken),
        sending_drafts(tmp_path, hl7_destinations=f"ris=mllp://127.0.0.1:{port}") as storage,
    ):
        drafted(storage, measured_study(storage))
        publish_due(storage)
        assert send_due(storage, "w") == 0
        (message,) = storage.hl7_outbox.list()[0]
        assert message.state == state
        assert reason in message.last_error
        assert "Müller" not in message.last_error
        assert send_due(storage, "w") == 0, "not before its time"
        assert len(taken) == 1
        storage.hl7_outbox.retry(message.message_id)
        assert send_due(storage, "w") == 1
        assert taken[0].split(b"|")[9] == taken[1].split(b"|")[9], "the same control id"


def test_a_system_that_stays_away_is_given_up_in_sight(tmp_path: Path) -> None:
    with sending_drafts(
        tmp_path,
        hl7_destinations="ris=mllp://127.0.0.1:1",
        hl7_max_attempts=2,
        delivery_retry_base_s=0.001,
        delivery_retry_max_s=0.001,
    ) as storage:
        drafted(storage, measured_study(storage))
        publish_due(storage)
        send_due(storage, "w")
        (message,) = storage.hl7_outbox.list("DEAD")[0]
        assert message.attempts == 2
        assert "reached" in message.last_error


def test_a_prior_that_comes_later_changes_the_draft(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study = measured_study(storage, 1234.5, seed=1, date="20240131")
        assert "No earlier study" in str(drafted(storage, study).sections)
        measured_study(storage, 1300.0, seed=2, date="20230131")
        for _ in range(2):
            draft_due(storage, utcnow() + timedelta(seconds=1))
        (report,) = storage.reports.of_study(study)
        assert "decreased by 5.0% since 31 January 2023" in str(report.sections)


def test_the_reason_for_the_examination_comes_from_the_order(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.worklist.add(
            {
                "StudyInstanceUID": "1.2.3",
                "AccessionNumber": "A-1",
                "ReasonForTheRequestedProcedure": "Memory loss",
            }
        )
        report = drafted(storage, measured_study(storage))
        assert "“Memory loss”" in report.sections[0].sentences[0].text


ORDER = {
    "StudyInstanceUID": "1.2.3",
    "AccessionNumber": "A-1",
    "PlacerOrderNumberImagingServiceRequest": "PL-7",
    "FillerOrderNumberImagingServiceRequest": "FI-7",
    "ReasonForTheRequestedProcedure": "Memory loss",
}


def test_an_order_that_comes_after_the_draft_is_taken_into_it(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study = measured_study(storage)
        assert drafted(storage, study).version == 1
        item = storage.worklist.add(ORDER)
        late = drafted(storage, study)
        assert late.version == 2
        assert "“Memory loss”" in late.sections[0].sentences[0].text
        storage.worklist.change(
            item.worklist_item_id,
            attributes={**ORDER, "ReasonForTheRequestedProcedure": "Headache"},
        )
        assert "“Headache”" in drafted(storage, study).sections[0].sentences[0].text
        # Once a person has taken it on, the text stands.
        storage.reports.move(late.report_id, 3, "preliminary", of_account("dr-jones"))
        storage.worklist.change(item.worklist_item_id, attributes=ORDER)
        assert draft_due(storage, utcnow() + timedelta(seconds=1)) == 0
        (report,) = storage.reports.of_study(study)
        assert (report.version, report.attention) == (4, "")


def test_an_order_for_another_patient_of_the_same_number_is_no_order_of_the_study(
    tmp_path: Path,
) -> None:
    """Two hospitals give out the same accession numbers, and anybody may state one."""
    order = {**ORDER, "StudyInstanceUID": "9.9.9", "PatientID": "P-10"}
    with opened(tmp_path) as storage:
        item = storage.worklist.add(order)
        study = measured_study(storage)
        assert "Memory loss" not in str(drafted(storage, study).sections)
        assert storage.worklist.of_study(study, "A-1") == []
        storage.worklist.change(item.worklist_item_id, attributes={**order, "PatientID": "P-9"})
        assert "“Memory loss”" in str(drafted(storage, study).sections)
        # Of a patient who was merged the order has the ID of before.
        key = PatientKey("P-11", "")
        merge = Statement("merge", key, prior=PatientKey("P-9", ""))
        storage.patient_changes.record([merge], Origin("ada"), utcnow())
        assert storage.index.study(study).patient_id == "P-11"
        assert len(storage.worklist.of_study(study, "A-1")) == 1


def test_the_order_and_the_person_stand_in_what_leaves(tmp_path: Path) -> None:
    with (
        system(lambda message: acknowledged(message, "AA")) as (port, taken),
        sending_drafts(tmp_path, hl7_destinations=f"ris=mllp://127.0.0.1:{port}") as storage,
    ):
        storage.accounts.add("jones", "a long enough secret 4711", ["radiologist"])
        storage.accounts.set_person_name("jones", "Jones^Indira^^Dr.")
        storage.worklist.add(ORDER)
        report = drafted(storage, measured_study(storage))
        storage.reports.move(report.report_id, 1, "final", of_account("jones"))
        # What the account is called later changes nothing that was signed.
        storage.accounts.set_person_name("jones", "Other^Name")
        files = published(storage, tmp_path)
        assert send_due(storage, "w") == 1
        signed = storage.reports.get(report.report_id)
        text = as_text(storage.reports.version(report.report_id, 2))
    stated = parsed(taken[0])
    assert (stated.orc.orc_1.value, stated.orc.orc_2.value, stated.orc.orc_3.value) == (
        "RE", "PL-7", "FI-7",
    )  # fmt: skip
    assert (stated.obr.obr_2.value, stated.obr.obr_3.value) == ("PL-7", "FI-7")
    assert stated.obr.obr_18.value == "A-1"
    assert stated.obr.obr_32.value == "jones^Jones^Indira^^^Dr."
    assert (signed.signed_by, signed.signed_name) == ("jones", "Jones^Indira^^Dr.")
    assert "Dr. Indira Jones (jones)" in text
    sr = pydicom.dcmread(files["SR2"])
    observer = sr.VerifyingObserverSequence[0]
    assert str(observer.VerifyingObserverName) == "Jones^Indira^^Dr."
    assert validators_errors(files["SR2"]) == []


@pytest.mark.parametrize("trusted", [True, False])
def test_a_report_leaves_over_tls_to_whom_the_site_trusts(tmp_path: Path, trusted: bool) -> None:
    ours, other = (Authority(tmp_path, name) for name in ("ours", "other"))
    pair = (ours if trusted else other).issue("ris")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with (
        system(lambda message: acknowledged(message, "AA"), context) as (port, taken),
        sending_drafts(
            tmp_path, hl7_destinations=f"ris=mllps://127.0.0.1:{port}", hl7_ca=ours.certificate
        ) as storage,
    ):
        drafted(storage, measured_study(storage))
        publish_due(storage)
        send_due(storage, "w")
        (message,) = storage.hl7_outbox.list()[0]
    if trusted:
        assert message.state == "ACCEPTED"
        assert parsed(taken[0]).msh.msh_9.value == "ORU^R01^ORU_R01"
    else:
        assert message.state == "PENDING"
        assert "cannot be reached" in message.last_error
        assert taken == []
