"""DICOM over TLS with DCMTK and OpenSSL on the other side."""

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicom_node.network.tls import CIPHER_SUITES, ClientTls
from dicom_node.network.tls_connection import TlsConnection
from dicom_node.peers import Peer
from dicom_node.scu import echo, send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.peers.certificates import fingerprint_of
from storage.peers.entities import KnownPeer
from tests.dicom_node.builders import ct_instance, data_set_bytes, dcmtk, encoded, item_of, write
from tests.dicom_node.certificates import Authority, KeyPair, serial_number
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port, storescp, tool


@contextmanager
def tls_node(folder: Path, authority: Authority, **changes: Any) -> Iterator[Node]:
    pair = authority.issue("node")
    settings = node_settings(
        folder,
        dicom_tls_port=free_port(),
        **{
            "tls_certificate": pair.certificate,
            "tls_key": pair.key,
            "tls_ca": authority.certificate,
            **changes,
        },
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def with_certificate(authority: Authority, pair: KeyPair) -> list[str]:
    return ["+tls", str(pair.key), str(pair.certificate), "+cf", str(authority.certificate)]


def tls_port(node: Node) -> int:
    assert node.scp.tls_port is not None
    return node.scp.tls_port


def s_client(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [tool("openssl", "openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *options]
    return subprocess.run(
        command, input="", capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_dcmtk_stores_over_tls_with_a_certificate_byte_for_byte(
    tmp_path: Path, authority: Authority
) -> None:
    modality = authority.issue("modality")
    small, large = ct_instance(), ct_instance(size=3000, seed=1)
    files = [write(small, tmp_path / "small.dcm"), write(large, tmp_path / "large.dcm")]
    with tls_node(tmp_path, authority) as node:
        options = with_certificate(authority, modality)
        sent = dcmtk("storescu", *options, "127.0.0.1", str(tls_port(node)), *files)
        assert sent.returncode == 0, sent.stderr
        for ds in (small, large):
            assert node.data_set(ds.SOPInstanceUID) == data_set_bytes(encoded(ds))


def test_a_caller_without_certificate_is_refused_where_one_is_required(
    tmp_path: Path, authority: Authority
) -> None:
    anonymous = ["+tla", "+cf", str(authority.certificate)]
    with tls_node(tmp_path, authority) as node:
        refused = dcmtk("echoscu", *anonymous, "127.0.0.1", str(tls_port(node)))
        assert refused.returncode != 0
        known = with_certificate(authority, authority.issue("modality"))
        assert dcmtk("echoscu", *known, "127.0.0.1", str(tls_port(node))).returncode == 0


def test_a_certificate_of_another_authority_is_refused(
    tmp_path: Path, authority: Authority
) -> None:
    stranger = Authority(tmp_path, "stranger").issue("foreign")
    with tls_node(tmp_path, authority, tls_client_auth="optional") as node:
        foreign = with_certificate(authority, stranger)
        assert dcmtk("echoscu", *foreign, "127.0.0.1", str(tls_port(node))).returncode != 0
        anonymous = ["+tla", "+cf", str(authority.certificate)]
        assert dcmtk("echoscu", *anonymous, "127.0.0.1", str(tls_port(node))).returncode == 0


@pytest.mark.parametrize(
    ("options", "accepted"),
    [
        (["-tls1_3"], True),
        (["-tls1_2"], True),
        (["-tls1_2", "-cipher", CIPHER_SUITES[0]], True),
        (["-tls1_2", "-cipher", "AES256-GCM-SHA384:@SECLEVEL=0"], False),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], False),
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], False),
        (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], False),
    ],
)
def test_only_what_bcp_195_recommends_is_spoken(
    tmp_path: Path, authority: Authority, options: list[str], accepted: bool
) -> None:
    with tls_node(tmp_path, authority, tls_client_auth="none") as node:
        answer = s_client(tls_port(node), "-CAfile", str(authority.certificate), *options)
        assert ("Cipher is (NONE)" not in answer.stdout) is accepted, answer.stdout
        assert (answer.returncode == 0) is accepted


def test_a_new_certificate_is_used_without_restart_and_a_broken_one_is_not(
    tmp_path: Path, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    with tls_node(tmp_path, authority, tls_client_auth="none") as node:
        path = tmp_path / "node.pem"
        first = serial_number(path)
        assert shown_serial(tls_port(node)) == first
        authority.issue("node")
        second = serial_number(path)
        assert second != first
        assert shown_serial(tls_port(node)) == second
        path.write_text("not a certificate")
        os.utime(path)
        assert shown_serial(tls_port(node)) == second
        assert "tls_files_unusable" in capfd.readouterr().out
        authority.issue("node")
        assert shown_serial(tls_port(node)) == serial_number(path)


def shown_serial(port: int) -> int:
    from cryptography import x509

    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE_S)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def test_a_peer_that_never_shakes_hands_is_let_go_and_holds_up_nobody(
    tmp_path: Path, authority: Authority
) -> None:
    import socket

    with (
        tls_node(tmp_path, authority, association_idle_timeout_s=1.0) as node,
        socket.create_connection(("127.0.0.1", tls_port(node))) as silent,
    ):
        known = with_certificate(authority, authority.issue("modality"))
        assert dcmtk("echoscu", *known, "127.0.0.1", str(tls_port(node))).returncode == 0
        silent.settimeout(PATIENCE_S)
        started = time.monotonic()
        assert silent.recv(1) == b""
        assert time.monotonic() - started < 8


def test_who_leaves_before_the_handshake_is_no_failure(authority: Authority) -> None:
    """As load balancers and monitors do each minute."""
    pair = authority.issue("node")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    failures: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        for sent in (b"", b"no TLS at all"):
            with socket.create_connection(server.getsockname()) as peer:
                peer.sendall(sent)
            accepted = context.wrap_socket(
                server.accept()[0], server_side=True, do_handshake_on_connect=False
            )
            connection = TlsConnection(accepted, timeout_s=PATIENCE_S)
            connection.on_failed = failures.append
            with pytest.raises(OSError):
                connection.receive_into(memoryview(bytearray(1)))
            connection.close()
    assert failures == ["wrong version number"]


def test_tls_files_that_cannot_be_used_are_named_at_the_start(
    tmp_path: Path, authority: Authority
) -> None:
    with (
        pytest.raises(InvalidRequest, match="TLS files") as refusal,
        tls_node(tmp_path, authority, tls_key=authority.issue("other").key),
    ):
        pass
    assert "MEDIVIEW_TLS_KEY" in refusal.value.remedy


def test_we_send_to_a_tls_peer_and_check_who_it_is(tmp_path: Path, authority: Authority) -> None:
    pacs, ours = authority.issue("pacs"), authority.issue("ours")
    stranger = Authority(tmp_path, "stranger")
    ds = ct_instance(size=700)
    options = [*with_certificate(authority, pacs), "+xa"]
    with storescp(tmp_path, options=options) as server:

        def peer(verify: Any, ca: Path, pair: KeyPair | None = ours) -> Peer:
            tls = ClientTls(verify, ca, pair and pair.certificate, pair and pair.key)
            return Peer(server.ae_title, "127.0.0.1", server.port, tls)

        good = peer("full", authority.certificate)
        assert send([item_of(encoded(ds))], peer=good, calling_ae_title="US")[0].ok
        assert len(server.files()) == 1
        assert echo(peer("none", stranger.certificate), "US").ok
        wrong = echo(peer("chain", stranger.certificate), "US")
        assert not wrong.ok
        assert "certificate not accepted" in wrong.error
        assert not echo(peer("full", authority.certificate, None), "US").ok
        assert not echo(Peer(server.ae_title, "127.0.0.1", server.port), "US").ok


def test_the_name_in_the_certificate_must_be_the_host_that_is_called(
    tmp_path: Path, authority: Authority
) -> None:
    pacs = authority.issue("pacs", host="192.0.2.1")
    with storescp(tmp_path, options=[*with_certificate(authority, pacs), "+xa", "-ic"]) as server:
        for verify, ok in (("full", False), ("chain", True)):
            tls = ClientTls(verify, authority.certificate)  # type: ignore[arg-type]
            assert echo(Peer(server.ae_title, "127.0.0.1", server.port, tls), "US").ok is ok


def test_a_peer_that_must_use_tls_is_rejected_without(tmp_path: Path, authority: Authority) -> None:
    with tls_node(tmp_path, authority) as node:
        modality = authority.issue("modality")
        own = (fingerprint_of(modality.certificate.read_bytes()),)
        peer = KnownPeer("modality", ae_title="MODALITY", tls=True, tls_certificates=own)
        node.storage.peers.add(peer)
        plain = dcmtk("echoscu", "-aet", "MODALITY", "127.0.0.1", str(node.port))
        assert plain.returncode != 0
        assert "No Reason" in plain.stdout + plain.stderr
        known = with_certificate(authority, modality)
        over_tls = dcmtk("echoscu", "-aet", "MODALITY", *known, "127.0.0.1", str(tls_port(node)))
        assert over_tls.returncode == 0, over_tls.stderr
