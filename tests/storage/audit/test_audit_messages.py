"""Audit messages are to PS3.15 A.5, and reach files and repositories, whatever goes down."""

import base64
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.sr.codedict import codes

from storage.audit import Actor, AuditEvent, Code, Type
from storage.audit.code_meanings import MEANINGS
from storage.audit.keeper import AuditKeeper, audit_source
from storage.audit.messages import audit_message, meaning
from storage.audit.query import AuditFilter, all_events
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.settings import Settings
from tests.audit_schema import check_message
from tests.dicom_node.certificates import Authority
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port, tool
from tests.storage.syslog_receiver import SyslogReceiver

EVENTS = [
    AuditEvent(Code.APPLICATION_ACTIVITY, "E", Actor("node", "node"), type=Type.APPLICATION_START),
    AuditEvent(Code.USER_AUTHENTICATION, "E", Actor("account", "änn<&>"), type=Type.LOGIN),
    AuditEvent(
        Code.QUERY,
        "E",
        Actor("peer", "CT1", "10.0.0.9"),
        detail={"query": "AAAA", "query_uid": "1.2.3", "TransferSyntax": "1.2.840.10008.1.2"},
    ),
    AuditEvent(
        Code.INSTANCES_TRANSFERRED,
        "C",
        Actor("peer", "CT1", "10.0.0.9"),
        study_instance_uids=("1.2.3", "1.2.4"),
        patient_ids=("P\x01-1",),
        detail={"toward": "node", "sop_classes": {"1.2.840.10008.5.1.4.1.1.2": 7}},
    ),
    AuditEvent(
        Code.INSTANCES_TRANSFERRED,
        "R",
        Actor("node", "node"),
        study_instance_uids=("1.2.3",),
        detail={"toward": "other", "other": {"name": "PACS", "address": "https://pacs/dicom-web"}},
    ),
    AuditEvent(
        Code.SECURITY_ALERT,
        "E",
        Actor("anonymous", ""),
        outcome=4,
        type=Type.NODE_AUTHENTICATION,
        detail={"reason": "TLS: no\ncertificate \ud800"},
    ),
]


@pytest.fixture
def embedded(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "node")
    upgrade(settings)
    return settings


def test_every_code_is_one_of_the_standard() -> None:
    assert all(meaning(code) != code for code in [*Code, *Type] if code)
    standard = {one.value: one.meaning for one in codes.DCM.concepts.values()}
    assert standard.items() >= MEANINGS.items()


def test_messages_have_the_structure_of_the_schema(embedded: Settings) -> None:
    with open_storage(embedded.model_copy(update={"audit_site_id": "Ward 3"})) as storage:
        for event in EVENTS:
            storage.audit.record(replace(event, request_id="r-1"))
        storage.audit.flush()
        source = audit_source(storage.settings)
        roots = [
            check_message(audit_message(one, source))
            for one in all_events(storage.engine, AuditFilter())
        ]
    assert len(roots) == len(EVENTS)
    moved = roots[3]
    assert [one.get("UserID") for one in moved.iter("ActiveParticipant")] == ["CT1", "MEDIVIEW"]
    roles = [one.get("csd-code") for one in moved.iter("RoleIDCode")]
    assert roles == ["110153", "110152"], "the peer is the source, the node the destination"
    objects = {
        one.get("ParticipantObjectID"): one.get("ParticipantObjectTypeCodeRole")
        for one in moved.iter("ParticipantObjectIdentification")
    }
    assert objects == {"1.2.3": "3", "1.2.4": "3", "P-1": "1"}
    detail = next(one for one in moved.iter("ParticipantObjectDetail"))
    assert base64.b64decode(detail.get("value", "")) == b"r-1"
    assert roots[1].find("ActiveParticipant").get("UserName") == "änn<&>"  # type: ignore[union-attr]


def test_files_are_rotated_and_nobody_else_reads_them(embedded: Settings) -> None:
    small = embedded.model_copy(update={"audit_file_max_bytes": 4096, "audit_file_count": 2})
    with open_storage(small) as storage:
        keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
        for _ in range(5):
            for event in EVENTS:
                storage.audit.record(event)
            storage.audit.flush()
            keeper.round(utcnow())
        keeper.round(utcnow())
    folder = small.data_dir / "audit"
    files = sorted(path for path in folder.iterdir() if path.suffix == ".xml")
    assert [path.name for path in files] == ["audit.1.xml", "audit.2.xml", "audit.xml"]
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        for line in path.read_bytes().splitlines():
            check_message(line)


def _syslog(
    settings: Settings, authority: Authority, port: int, host: str = "127.0.0.1"
) -> Settings:
    return settings.model_copy(
        update={"audit_syslog": f"{host}:{port}", "audit_syslog_ca": authority.certificate}
    )


def _tell(storage: Storage, name: str) -> None:
    storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("account", name)))
    storage.audit.flush()


def _users(messages: list[bytes]) -> list[str]:
    found = [check_message(one).find("ActiveParticipant") for one in messages]
    return [one.get("UserID", "") for one in found if one is not None]


def _wait(done: object, wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(done) < wanted and time.monotonic() < deadline:  # type: ignore[arg-type]
        time.sleep(0.02)


def test_nothing_is_lost_while_the_repository_is_away(embedded: Settings, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("repository")
    port = free_port()
    with open_storage(_syslog(embedded, authority, port)) as storage:
        keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
        _tell(storage, "first")
        keeper.round(utcnow())
        with SyslogReceiver(pair, port) as receiver:
            keeper.round(utcnow())
            _tell(storage, "second")
            keeper.round(utcnow())
            _wait(receiver.messages, 2)
        assert _users(receiver.messages) == ["first", "second"]
        assert receiver.complaints == []
        _tell(storage, "third")
        keeper.round(utcnow())
        # A node that starts again goes on where the old one was.
        keeper.close()
        keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
        with SyslogReceiver(pair, port) as again:
            keeper.round(utcnow())
            _tell(storage, "fourth")
            keeper.round(utcnow())
            _wait(again.messages, 2)
        keeper.close()
    assert _users(again.messages)[-2:] == ["third", "fourth"]
    assert again.complaints == []


def test_a_repository_that_cannot_prove_who_it_is_hears_nothing(
    embedded: Settings, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger").issue("repository")
    with SyslogReceiver(stranger) as receiver:
        settings = _syslog(embedded, Authority(tmp_path), receiver.port)
        with open_storage(settings) as storage:
            _tell(storage, "secret")
            keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
            keeper.round(utcnow())
            keeper.close()
    assert receiver.messages == []


def test_messages_go_by_datagram_where_it_is_wanted(embedded: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE_S)
        port = receiver.getsockname()[1]
        settings = embedded.model_copy(
            update={"audit_syslog": f"127.0.0.1:{port}", "audit_syslog_transport": "udp"}
        )
        with open_storage(settings) as storage:
            _tell(storage, "ann")
            AuditKeeper(storage.engine, storage.settings, storage.audit).round(utcnow())
        datagram = receiver.recv(65536)
    head, _, message = datagram.partition(b"\xef\xbb\xbf")
    assert head.startswith(b"<85>1 ")
    check_message(message)


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[tuple[Authority, int, Path]]:
    """rsyslog with TLS; what it receives lies in a file, a message a line."""
    program = tool("rsyslogd", "rsyslog")
    plugin = next(Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so"), None)
    if plugin is None:
        pytest.skip("rsyslog has no OpenSSL (Debian package rsyslog-openssl)")
    authority = Authority(tmp_path)
    pair = authority.issue("repository")
    port, received = free_port(), tmp_path / "received"
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        f"""
global(workDirectory="{tmp_path}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{authority.certificate}"
  defaultNetstreamDriverCertFile="{pair.certificate}"
  defaultNetstreamDriverKeyFile="{pair.key}"
  parser.escapeControlCharactersOnReceive="off")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="apart" type="string" string="%syslogfacility-text%|%app-name%|%msgid%|%msg%\\n")
action(type="omfile" file="{received}" template="apart" fileCreateMode="0600")
"""
    )
    log = (tmp_path / "rsyslog.log").open("wb")
    process = subprocess.Popen(
        [program, "-n", "-f", str(configuration), "-i", str(tmp_path / "rsyslog.pid")],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "rsyslog.log").read_text()
                time.sleep(0.05)
        yield authority, port, received
    finally:
        process.terminate()
        process.wait()
        log.close()


def test_rsyslog_takes_them_over_tls(
    embedded: Settings, rsyslog: tuple[Authority, int, Path]
) -> None:
    authority, port, received = rsyslog
    with open_storage(_syslog(embedded, authority, port)) as storage:
        for event in EVENTS:
            storage.audit.record(event)
        storage.audit.flush()
        keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
        keeper.round(utcnow())
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if received.exists() and len(received.read_bytes().splitlines()) == len(EVENTS):
                break
            time.sleep(0.05)
        keeper.close()
    lines = received.read_bytes().splitlines()
    assert len(lines) == len(EVENTS)
    for line in lines:
        facility, app, message_id, message = line.split(b"|", 3)
        assert (facility, app, message_id) == (b"authpriv", b"mediview", b"DICOM+RFC3881")
        check_message(message.lstrip(b" ").removeprefix(b"\xef\xbb\xbf"))
