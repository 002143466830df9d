"""Orders by HL7 v2: over real sockets, answered by what became of them."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dicom_node.hl7.listener import listening
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage, open_storage
from storage.peers.certificates import fingerprint_of
from storage.settings import load_settings
from storage.worklist.repository import WorklistItem
from tests.dicom_node.certificates import Authority
from tests.dicom_node.hl7.mllp import parsed, sent
from tests.migrated import upgrade
from tests.patience import PATIENCE_S

MSH = "MSH|^~\\&|RIS|HOSPITAL|MEDIVIEW||20260102030405||ORM^O01^ORM_O01|C-1|P|2.5.1"
ORDER = "\r".join(
    (
        MSH + "||||||UNICODE UTF-8",
        "PID|1||P-77^^^HOSPITAL||Müller^Jürgen^Maria^Jr^Dr||19700131|M",
        "PV1|1|O|WARD 3|||||4711^Referrer^Ruth",
        "ORC|NW|PL-1|FI-1||SC||^^^20260105083000^^S|||||4712^Orderer^Olaf",
        "OBR|1|PL-1|FI-1|CTCH^CT of the chest^L||||||||||||||A-123||RP-9||||CT|||||||"
        "^Cough \\T\\ fever\\.br\\since Monday",
        "ZDS|1.2.3.4^RIS^Application^DICOM",
    )
)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[int, Storage]]:
    with listens(tmp_path) as found:
        yield found


@contextmanager
def listens(tmp_path: Path, **more: Any) -> Iterator[tuple[int, Storage]]:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0, **more)
    upgrade(settings)
    ready, ended = threading.Event(), asyncio.Event()
    stated: dict[str, int] = {}
    loop = asyncio.new_event_loop()

    async def serve(storage: Storage) -> None:
        async with listening(storage, settings, 0) as port:
            stated["port"] = port
            ready.set()
            await ended.wait()

    with open_storage(settings) as storage:
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(storage)))
        thread.start()
        assert ready.wait(PATIENCE_S)
        yield stated["port"], storage
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def items(storage: Storage) -> list[WorklistItem]:
    return list(storage.worklist.list()[0])


def answered(port: int, message: str, codec: str = "utf-8") -> tuple[str, str, str]:
    """Acknowledgement code, control id and reason, read by another library."""
    (answer,) = sent(port, message.encode(codec))
    shown = parsed(answer, codec)
    return shown.msa.msa_1.value, shown.msa.msa_2.value, shown.msa.msa_3.value or ""


def test_an_order_becomes_a_worklist_item(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    assert answered(port, ORDER)[:2] == ("AA", "C-1")
    (item,) = items(storage)
    attributes = item.attributes
    assert (item.accession_number, item.study_instance_uid) == ("A-123", "1.2.3.4")
    assert attributes["PatientName"] == "Müller^Jürgen^Maria^Dr^Jr"
    assert (attributes["PatientID"], attributes["IssuerOfPatientID"]) == ("P-77", "HOSPITAL")
    assert attributes["ReferringPhysicianName"] == "Referrer^Ruth"
    assert attributes["RequestingPhysician"] == "Orderer^Olaf"
    assert attributes["ReasonForTheRequestedProcedure"] == "Cough & fever since Monday"
    assert attributes["PlacerOrderNumberImagingServiceRequest"] == "PL-1"
    assert attributes["FillerOrderNumberImagingServiceRequest"] == "FI-1"
    (step,) = attributes["ScheduledProcedureStepSequence"]
    assert (step["Modality"], step["ScheduledStationAETitle"]) == ("CT", "ANY")
    assert step["ScheduledProcedureStepStartDate"] == "20260105"
    assert step["ScheduledProcedureStepStartTime"] == "083000"


def test_the_same_order_again_changes_it_and_a_cancel_ends_it(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    assert answered(port, ORDER)[0] == "AA"
    assert answered(port, ORDER.replace("ORC|NW", "ORC|XO").replace("chest", "thorax"))[0] == "AA"
    (item,) = items(storage)
    assert item.attributes["RequestedProcedureDescription"] == "CT of the thorax"
    # A message that was made before these comes late: it is taken, and reverts nothing.
    late = ORDER.replace("20260102030405", "20260102030404")
    assert answered(port, late)[0] == "AA"
    assert answered(port, late.replace("ORC|NW", "ORC|CA"))[0] == "AA"
    assert items(storage) == [item]
    assert answered(port, ORDER.replace("ORC|NW", "ORC|CA"))[0] == "AA"
    assert items(storage)[0].state == "CANCELED"
    code, _, reason = answered(port, ORDER.replace("ORC|NW", "ORC|CA").replace("A-123", "A-999"))
    assert code == "AE"
    assert "accession number" in reason


def test_an_order_that_is_made_anew_after_its_cancel_is_on_the_worklist_again(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    cancel = ORDER.replace("ORC|NW", "ORC|CA").replace("20260102030405", "20260102030410")
    assert [answered(port, one)[0] for one in (ORDER, cancel)] == ["AA", "AA"]
    # What was made before the cancel, in its second, or is no new order, leaves it cancelled.
    for late in (
        ORDER,
        ORDER.replace("20260102030405", "20260102030410"),
        ORDER.replace("ORC|NW", "ORC|XO").replace("20260102030405", "20260102030415"),
    ):
        assert answered(port, late)[0] == "AA"
        assert items(storage)[0].state == "CANCELED"
    assert answered(port, ORDER.replace("20260102030405", "20260102030420"))[0] == "AA"
    (item,) = items(storage)
    assert (item.state, item.study_instance_uid) == ("SCHEDULED", "1.2.3.4")


@pytest.mark.parametrize("stated", ["", "%Y%m%d"])
def test_a_repetition_whose_second_is_not_stated_does_not_undo_a_cancel(
    listener: tuple[int, Storage], stated: str
) -> None:
    port, storage = listener
    order = ORDER.replace("20260102030405", datetime.now().strftime(stated))
    for one in (order, order.replace("ORC|NW", "ORC|CA"), order):
        assert answered(port, one)[0] == "AA"
    assert items(storage)[0].state == "CANCELED"


def test_an_imaging_order_is_taken_from_its_own_segment(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    order = ORDER.replace("ORM^O01^ORM_O01", "OMI^O23^OMI_O23").replace(
        "ZDS|1.2.3.4^RIS^Application^DICOM", "IPC|A-55|RP-1|1.2.3.5|SPS-1|MR|||ROOM 2|MR1"
    )
    assert answered(port, order)[0] == "AA"
    (item,) = items(storage)
    (step,) = item.attributes["ScheduledProcedureStepSequence"]
    assert (item.accession_number, item.study_instance_uid) == ("A-55", "1.2.3.5")
    assert (step["Modality"], step["ScheduledStationAETitle"]) == ("MR", "MR1")
    assert step["ScheduledProcedureStepID"] == "SPS-1"


@pytest.mark.parametrize(
    ("stated", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "iso-8859-1"), ("", "utf-8"), ("", "iso-8859-1")],
)
def test_names_are_read_in_their_character_set(
    listener: tuple[int, Storage], stated: str, codec: str
) -> None:
    port, storage = listener
    order = ORDER.replace("UNICODE UTF-8", stated)
    (answer,) = sent(port, order.encode(codec))
    assert b"MSA|AA|C-1" in answer
    assert items(storage)[0].attributes["PatientName"].startswith("Müller^Jürgen")


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (ORDER.replace("ORM^O01^ORM_O01", "ADT^A60^ADT_A60"), "AR", "ORM"),
        (ORDER.replace("UNICODE UTF-8", "BIG-5"), "AR", "character set"),
        (ORDER.replace("|C-1|", "||"), "AR", "MSH-10"),
        (ORDER.replace("P-77^^^HOSPITAL", ""), "AE", "PID-3"),
        (ORDER.replace("|CT|", "||"), "AE", "modality"),
        (ORDER.replace("A-123", "").replace("FI-1", ""), "AE", "accession number"),
        (ORDER.replace("A-123", "A" * 17), "AE", "AccessionNumber (IPC-1, OBR-18"),
        (ORDER.replace("19700131", "1970-01-31"), "AE", "PatientBirthDate (PID-7)"),
        (ORDER.replace("20260105083000", "on Monday"), "AE", "ORC-7 is no time"),
        (ORDER.replace("20260105083000", "202601"), "AE", "ORC-7 is no time"),
        (ORDER.replace("ORC|NW|PL-1|FI-1||SC", "ORC|SC|PL-1|FI-1||HD"), "AE", "Taken are IP, CM"),
        (ORDER.replace("1.2.3.4", "1.2.x"), "AE", "StudyInstanceUID"),
        (ORDER.replace("ORC|NW", "ORC|ZZ"), "AE", "Taken are NW, XO"),
        (
            ORDER.replace("|P|2.5.1", "|T|2.5.1"),
            "AR",
            "processing id T is not taken here. Taken is P",
        ),
        (ORDER.replace("|P|2.5.1", "|Müller|2.5.1"), "AR", "MSH-11"),
        (ORDER.replace("|P|2.5.1", "|P|9.9"), "AR", "MSH-12"),
        ("EVN|A01", "AR", "MSH"),
    ],
)
def test_what_cannot_be_taken_is_answered_with_its_reason(
    listener: tuple[int, Storage],
    capsys: pytest.CaptureFixture[str],
    message: str,
    code: str,
    reason: str,
) -> None:
    port, storage = listener
    (answer,) = sent(port, message.encode())
    msa = next(line for line in answer.split(b"\r") if line.startswith(b"MSA")).decode().split("|")
    assert msa[1] == code
    error = next(line for line in answer.split(b"\r") if line.startswith(b"ERR"))
    assert error.split(b"|")[2]
    assert reason in msa[3]
    assert items(storage) == []
    logged = capsys.readouterr()
    for secret in ("Müller", "P-77", "19700131"):
        assert secret not in answer.decode() + logged.out + logged.err


def test_bytes_of_another_character_set_than_stated_are_refused(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    (answer,) = sent(port, ORDER.encode("iso-8859-1"))
    assert b"MSA|AE|C-1" in answer
    assert items(storage) == []


def test_two_messages_on_one_connection_and_one_without_end(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    other = ORDER.replace("A-123", "A-124").replace("C-1", "C-2").replace("1.2.3.4", "1.2.3.6")
    first, second = sent(port, ORDER.encode() + b"\x1c\r\x0b" + other.encode(), answers=2)
    assert (b"C-1" in first, b"C-2" in second) == (True, True)
    assert len(items(storage)) == 2
    # Closed with bytes that nobody has read, a connection may end by a reset.
    with suppress(ConnectionResetError):
        assert sent(port, b"x" * 1_200_000) == [], "the connection is closed"
    assert answered(port, ORDER)[0] == "AA"


def test_an_order_comes_over_tls_from_whom_the_site_trusts(tmp_path: Path) -> None:
    authority, stranger = (Authority(tmp_path, name) for name in ("ours", "stranger"))
    own = authority.issue("node")
    with listens(
        tmp_path,
        hl7_tls=True,
        tls_certificate=own.certificate,
        tls_key=own.key,
        tls_ca=authority.certificate,
    ) as (port, storage):
        contexts = []
        for signer in (authority, stranger):
            context = ssl.create_default_context(cafile=str(authority.certificate))
            pair = signer.issue("ris")
            context.load_cert_chain(pair.certificate, pair.key)
            contexts.append(context)
        trusted, other = contexts
        # With TLS 1.3 the refusal may only be read after the message is sent.
        for refused in (other, None):
            with suppress(OSError):
                assert sent(port, ORDER.encode(), tls=refused) == []
        assert items(storage) == []
        (answer,) = sent(port, ORDER.encode(), tls=trusted)
        assert parsed(answer).msa.msa_1.value == "AA"
        assert [one.accession_number for one in items(storage)] == ["A-123"]


def test_an_order_comes_over_tls_by_a_certificate_that_is_named(tmp_path: Path) -> None:
    """The scanner's certificate is of the same authority; it orders nothing."""
    authority = Authority(tmp_path)
    own, ris, scanner = (authority.issue(name) for name in ("node", "ris", "scanner"))
    with listens(
        tmp_path,
        hl7_tls=True,
        hl7_certificates=fingerprint_of(ris.certificate.read_bytes()).upper(),
        tls_certificate=own.certificate,
        tls_key=own.key,
        tls_ca=authority.certificate,
    ) as (port, storage):
        for pair, taken in ((scanner, False), (ris, True)):
            context = ssl.create_default_context(cafile=str(authority.certificate))
            context.load_cert_chain(pair.certificate, pair.key)
            answers: list[bytes] = []
            with suppress(OSError):
                answers = sent(port, ORDER.encode(), tls=context)
            assert bool(answers) is taken
        assert [one.accession_number for one in items(storage)] == ["A-123"]
        storage.audit.flush()
        found, _ = find_events(storage.engine, AuditFilter(failures=True), 10, 0)
        assert [one.type_code for one in found] == ["110126"]


def test_handshakes_that_never_end_keep_nobody_out_and_failed_ones_are_audited(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    own, ris = authority.issue("node"), authority.issue("ris")
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.load_cert_chain(ris.certificate, ris.key)
    with (
        listens(
            tmp_path,
            hl7_tls=True,
            tls_certificate=own.certificate,
            tls_key=own.key,
            tls_ca=authority.certificate,
        ) as (port, storage),
        ExitStack() as stack,
    ):
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
            for _ in range(40)
        ]
        # Those that had to give way are closed, and nobody waits for their handshakes.
        for one in silent[:24]:
            with suppress(ConnectionResetError):
                assert one.recv(1) == b""
        (answer,) = sent(port, ORDER.encode(), tls=context)
        assert parsed(answer).msa.msa_1.value == "AA"
        for _ in range(3):
            assert sent(port, ORDER.encode()) == [], "no TLS"
        # The connection ends before its alert is recorded.
        deadline, alerts = time.monotonic() + PATIENCE_S, [("", 0)]
        while alerts != [("110126", 3)] and time.monotonic() < deadline:
            time.sleep(0.01)
            storage.audit.flush()
            found, _ = find_events(storage.engine, AuditFilter(failures=True), 10, 0)
            alerts = [(one.type_code, one.occurrences) for one in found]
        assert alerts == [("110126", 3)]


def test_a_renewed_certificate_is_shown_to_the_next_system(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.issue("node")
    with listens(
        tmp_path,
        hl7_tls=True,
        tls_certificate=own.certificate,
        tls_key=own.key,
        tls_client_auth="none",
    ) as (port, _):
        before = ssl.get_server_certificate(("127.0.0.1", port))
        assert before == own.certificate.read_text()
        authority.issue("node")
        after = ssl.get_server_certificate(("127.0.0.1", port))
        assert after == own.certificate.read_text() != before


@pytest.mark.parametrize("wrong", [{"hl7_tls": False}, {"hl7_certificates": "ris.example.org"}])
def test_a_list_of_certificates_that_would_protect_nothing_is_refused(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    pair = Authority(tmp_path).issue("node")
    given = {"hl7_tls": True, "hl7_certificates": "dns:ris.example.org", **wrong}
    with pytest.raises(ValueError, match="certificate"):
        load_settings(
            data_dir=tmp_path, tls_certificate=pair.certificate, tls_key=pair.key,
            tls_ca=pair.certificate, **given,
        )  # fmt: skip
