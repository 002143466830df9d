"""Orders by HL7 v2 over TLS: from whom the site trusts alone."""

import socket
import ssl
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from storage.audit.query import AuditFilter, find_events
from storage.peers.certificates import fingerprint_of
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority
from tests.dicom_node.hl7.mllp import parsed, sent
from tests.dicom_node.hl7.orders import ORDER, items, listens
from tests.patience import PATIENCE_S


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
