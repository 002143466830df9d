"""A certificate of the site proves no AE title; only its peer's own does."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from api.server.checks.exposure import check_tls_peers
from dicom_node.network.tls import ClientTls
from dicom_node.peers import Peer
from dicom_node.scu import echo
from inference.deliveries.destinations import checked_peer
from storage.core.callers.certificate_bindings import checked_binding
from storage.core.errors import InvalidRequest
from storage.peers.certificates import bindings_of, fingerprint_of
from storage.peers.entities import KnownPeer
from storage.settings import load_settings
from tests.dicom_node.builders import dcmtk
from tests.dicom_node.certificates import Authority, KeyPair
from tests.dicom_node.conftest import Node
from tests.dicom_node.network.test_tls import tls_node, tls_port, with_certificate
from tests.services import free_port


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def fingerprint(pair: KeyPair) -> str:
    return fingerprint_of(pair.certificate.read_bytes())


def associates(node: Node, ae_title: str, *tls: str) -> bool:
    port = tls_port(node) if tls else node.port
    return dcmtk("echoscu", "-aet", ae_title, *tls, "127.0.0.1", str(port)).returncode == 0


def add(node: Node, name: str, *certificates: str, **more: Any) -> None:
    peer = KnownPeer(name.lower(), ae_title=name, tls_certificates=certificates, **more)
    node.storage.peers.add(checked_peer(peer, node.storage.settings))


def test_a_certificate_of_the_site_opens_no_ae_title_but_its_own(
    tmp_path: Path, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    scanner, workstation = authority.issue("scanner"), authority.issue("workstation")
    with tls_node(tmp_path, authority) as node:
        add(node, "CT1", fingerprint(scanner))
        add(node, "WS1", fingerprint(workstation))
        as_scanner = with_certificate(authority, scanner)
        as_workstation = with_certificate(authority, workstation)
        stranger = with_certificate(authority, authority.issue("stranger"))
        assert associates(node, "CT1", *as_scanner)
        assert associates(node, "WS1", *as_workstation)
        for ae_title, shown in (("CT1", as_workstation), ("WS1", as_scanner), ("CT1", stranger)):
            assert not associates(node, ae_title, *shown)
        # Nor does it become a stranger by leaving its name out.
        assert not associates(node, "ANYBODY", *as_scanner)
        # Who proves itself by a certificate does not come without one.
        assert not associates(node, "CT1")
    output = capfd.readouterr().out
    for reason in ("certificate_of_another_peer", "certificate_not_of_peer", "tls_required"):
        assert reason in output


def test_a_known_peer_that_names_no_certificate_is_not_recognised_by_any(
    tmp_path: Path, authority: Authority
) -> None:
    shown = with_certificate(authority, authority.issue("whoever"))
    with tls_node(tmp_path / "default", authority) as node:
        add(node, "CT1", tls=True)
        assert not associates(node, "CT1", *shown)
    with tls_node(tmp_path / "open", authority, tls_unbound_peers="accept") as node:
        add(node, "CT1", tls=True)
        assert associates(node, "CT1", *shown)


def test_a_name_in_the_certificate_is_as_good_as_the_fingerprint(
    tmp_path: Path, authority: Authority
) -> None:
    right, wrong = authority.issue("right", "192.0.2.7"), authority.issue("wrong", "192.0.2.8")
    with tls_node(tmp_path, authority) as node:
        add(node, "CT1", "dns:ct1.example.org", "ip:192.0.2.7")
        assert associates(node, "CT1", *with_certificate(authority, right))
        assert not associates(node, "CT1", *with_certificate(authority, wrong))
        # A new certificate for the same name needs no change here.
        renewed = authority.issue("right", "192.0.2.7")
        assert associates(node, "CT1", *with_certificate(authority, renewed))


@pytest.mark.parametrize(
    ("unbound", "expected"),
    [("reject", "rejected when they show one"), ("accept", "any certificate of the authority")],
)
def test_doctor_names_peers_that_anybody_of_the_site_could_be(
    tmp_path: Path, authority: Authority, unbound: str, expected: str
) -> None:
    with tls_node(tmp_path, authority, tls_unbound_peers=unbound) as node:
        add(node, "CT1", fingerprint(authority.issue("scanner")))
        (check,) = check_tls_peers(node.storage.settings, node.storage.peers)
        assert check.state == "ok"
        add(node, "WS1")
        (check,) = check_tls_peers(node.storage.settings, node.storage.peers)
        assert (check.state, expected in check.detail) == ("note", True)
        assert "ws1" in check.detail
        assert "ct1" not in check.detail


def test_two_ae_titles_of_one_machine_share_a_certificate(
    tmp_path: Path, authority: Authority
) -> None:
    machine = authority.issue("machine")
    with tls_node(tmp_path, authority) as node:
        for ae_title in ("CT1", "CT1_SR"):
            add(node, ae_title, fingerprint(machine))
        for ae_title, accepted in (("CT1", True), ("CT1_SR", True), ("CT2", False)):
            assert associates(node, ae_title, *with_certificate(authority, machine)) is accepted


def test_who_shows_no_certificate_is_no_peer_that_has_one(
    tmp_path: Path, authority: Authority
) -> None:
    scanner = authority.issue("scanner")
    anonymous = ["+tla", "+cf", str(authority.certificate)]
    with tls_node(tmp_path, authority, tls_client_auth="optional") as node:
        add(node, "CT1", fingerprint(scanner))
        add(node, "CT2")
        assert not associates(node, "CT1", *anonymous)
        assert associates(node, "CT1", *with_certificate(authority, scanner))
        assert associates(node, "CT2", *anonymous)


@pytest.mark.parametrize("client_auth", ["optional", "required"])
@pytest.mark.parametrize("port", ["dicom_tls_port", "hl7_tls"])
def test_client_certificates_need_an_authority_of_ones_own(
    tmp_path: Path, authority: Authority, client_auth: str, port: str
) -> None:
    pair = authority.issue("node")
    wanted: dict[str, Any] = {port: free_port() if port == "dicom_tls_port" else True}
    files = {"tls_certificate": pair.certificate, "tls_key": pair.key}
    with pytest.raises(ValueError, match="tls_ca is empty"):
        load_settings(data_dir=tmp_path, tls_client_auth=client_auth, **wanted, **files)
    load_settings(data_dir=tmp_path, tls_client_auth="none", **wanted, **files)


def test_no_public_authority_vouches_for_a_peer_that_is_called(authority: Authority) -> None:
    with pytest.raises(FileNotFoundError, match="MEDIVIEW_TLS_CA"):
        ClientTls("chain").context()
    assert ClientTls("full").context().check_hostname
    assert ClientTls("chain", authority.certificate).context().verify_mode == ssl.CERT_REQUIRED
    peer = KnownPeer("pacs", ae_title="PACS", host="pacs", port=104, tls=True, tls_verify="chain")
    with pytest.raises(InvalidRequest, match="Any certificate of any authority"):
        checked_peer(peer, load_settings())


def test_the_plain_port_can_be_switched_off(tmp_path: Path, authority: Authority) -> None:
    shown = with_certificate(authority, authority.issue("modality"))
    with tls_node(tmp_path, authority, dicom_plain=False) as node:
        assert associates(node, "CT1", *shown)
        # No socket but the one for TLS, and no word there without it.
        assert [tls is not None for _, tls in node.scp.listeners.sockets()] == [True]
        assert node.port == tls_port(node)
        assert not echo(Peer("MEDIVIEW", "127.0.0.1", node.port), "CT1").ok
    with pytest.raises(ValueError, match="dicom_plain is false"):
        load_settings(data_dir=tmp_path, dicom_plain=False)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"SHA256:{'AB:' * 31}AB", f"sha256:{'ab' * 32}"),
        (" dns:CT1.Example.org ", "dns:ct1.example.org"),
        ("ip:2001:0DB8::1", "ip:2001:db8::1"),
        ("uri:urn:oid:1.2.3", "uri:urn:oid:1.2.3"),
        ("sha256:ab", None),
        ("ip:nowhere", None),
        ("dns:", None),
        ("dns:two words", None),
        ("cn:CT1", None),
        ("", None),
    ],
)
def test_a_binding_is_kept_as_it_is_compared(given: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(InvalidRequest, match="names no certificate"):
            checked_binding(given)
    else:
        assert checked_binding(given) == kept


def test_a_certificate_that_cannot_be_read_has_its_fingerprint_alone() -> None:
    assert {one[:7] for one in bindings_of(b"no certificate")} == {"sha256:"}
