"""The SCP as an operator meets it: where it listens, what it limits, how it ends."""

import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from dicom_node.association.requestor import open_association
from dicom_node.network.command_set import encode_store_request
from dicom_node.network.listening import SPARE_CONNECTIONS
from dicom_node.network.pdu import data_pdus
from dicom_node.scu import echo, send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.ready_processes import ReadyPopen
from tests.services import free_port


def test_it_refuses_to_listen_beyond_loopback(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, dicom_host="0.0.0.0")
    upgrade(settings)
    with (
        open_storage(settings) as storage,
        pytest.raises(InvalidRequest, match="no sign-in") as refusal,
    ):
        start_scp(storage)
    assert "MEDIVIEW_TRUSTED_NETWORK=true" in refusal.value.remedy


def test_it_listens_anywhere_on_a_trusted_network(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, dicom_host="0.0.0.0", trusted_network=True)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        assert scp.host == "0.0.0.0"
        scp.shutdown()


def test_a_taken_port_is_named(node: Node, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=f"127.0.0.1:{node.port}") as refusal:
        start_scp(node.storage, node.port)
    assert "MEDIVIEW_DICOM_PORT" in refusal.value.remedy


@contextmanager
def scp_process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    code = (
        "from storage.settings import Settings;"
        " from dicom_node.server.processes import run_scp;"
        f"run_scp(Settings(data_dir={str(settings.data_dir)!r}, dicom_port={settings.dicom_port}))"
    )
    process = ReadyPopen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "scp_listening" in line:
                break
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_what_was_stored_is_there(
    tmp_path: Path, number: signal.Signals
) -> None:
    settings = node_settings(tmp_path).model_copy(update={"dicom_port": free_port()})
    upgrade(settings)
    ds = ct_instance()
    from dicom_node.peers import Peer

    with scp_process(settings) as process:
        peer = Peer("MEDIVIEW", "127.0.0.1", settings.dicom_port)
        assert send([item_of(encoded(ds))], peer=peer, calling_ae_title="TEST")[0].ok
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert "scp_stopped" in output
    with open_storage(settings) as storage:
        assert storage.index.instance(ds.SOPInstanceUID).study_instance_uid == ds.StudyInstanceUID


def test_an_idle_association_does_not_hold_up_the_end(node: Node) -> None:
    association = AE().associate("127.0.0.1", node.port, contexts=_echo_context())
    started = time.monotonic()
    node.scp.shutdown()
    assert time.monotonic() - started < 20
    association.abort()


def test_the_association_above_the_limit_is_rejected_as_local_limit_exceeded(
    tmp_path: Path,
) -> None:
    settings = node_settings(tmp_path, max_associations=2)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            held = [AE().associate("127.0.0.1", scp.port, contexts=_echo_context()) for _ in "12"]
            third = AE().associate("127.0.0.1", scp.port, contexts=_echo_context())
            assert third.is_rejected
            assert "Local limit exceeded" in third.acceptor.primitive.reason_str
            for association in held:
                association.release()
            _wait_for(lambda: scp.association_count == 0)
            again = AE().associate("127.0.0.1", scp.port, contexts=_echo_context())
            assert again.is_established
            again.release()
        finally:
            scp.shutdown()


@pytest.mark.parametrize("number", [2, 2 + SPARE_CONNECTIONS], ids=["limit", "all places"])
def test_connections_without_a_word_leave_their_places_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    settings = node_settings(tmp_path, max_associations=2, associations_per_address=0)
    upgrade(settings)
    with open_storage(settings) as storage, contextlib.ExitStack() as silent:
        scp = start_scp(storage)
        try:
            for _ in range(number):
                silent.enter_context(socket.create_connection(("127.0.0.1", scp.port)))
            _wait_for(lambda: scp.association_count == number)
            # Only now, or the later ones of a slow machine take the places of the first.
            monkeypatch.setattr("dicom_node.server.scp._SILENT_S", 0.3)
            time.sleep(0.4)
            one = AE().associate("127.0.0.1", scp.port, contexts=_echo_context())
            assert one.is_established
            one.release()
        finally:
            scp.shutdown()


def test_an_instance_above_the_limit_is_refused_and_the_next_one_stored(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, max_instance_bytes=10_000)
    upgrade(settings)
    large, small = ct_instance(size=200), ct_instance(size=8)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            results = send(
                [item_of(encoded(large)), item_of(encoded(small))],
                peer=Node(storage, scp).peer,
                calling_ae_title="LARGE",
            )
        finally:
            scp.shutdown()
        assert [result.status for result in results] == [0xA700, 0x0000]
        assert [s.instance_count for s in storage.index.studies(10, 0)[0]] == [1]


def test_a_silent_connection_is_closed(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, association_idle_timeout_s=0.5)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            association = AE().associate("127.0.0.1", scp.port, contexts=_echo_context())
            assert association.is_established
            _wait_for(lambda: not association.is_established, 5)
            assert association.is_aborted
        finally:
            scp.shutdown()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x01\x00\xff\xff\xff\xff",
        b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03",
        b"\x01\x00\x00\x00\x00\x04\x00\x01\x00\x00",
        b"\x63\x00\x00\x00\x00\x00",
        b"\x01",
        b"",
    ],
    ids=["http", "4 GB of A-ASSOCIATE", "data first", "short request", "type 99", "cut", "nothing"],
)
def test_garbage_ends_its_own_connection_only(node: Node, garbage: bytes) -> None:
    for _ in range(2):
        # The first of all begins the thread that writes the audit trail.
        before = threading.active_count()
        with socket.create_connection(("127.0.0.1", node.port), timeout=PATIENCE_S) as sock:
            sock.sendall(garbage)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        _wait_for(lambda: node.scp.association_count == 0)
    # One that has served an association waits a moment for the next.
    _wait_for(lambda: threading.active_count() <= before)
    assert echo(node.peer, "AFTER").ok


def test_a_data_pdu_without_end_is_refused(node: Node) -> None:
    """pynetdicom would collect the declared 4 GB; we abort (PS3.8 A-ABORT, source provider)."""
    association = AE().associate("127.0.0.1", node.port, contexts=_store_context())
    sock = association.dul.socket.socket
    sock.sendall(struct.pack(">BxL", 4, 0xFFFFFFFF) + b"\0" * 64)
    _wait_for(lambda: association.is_aborted)
    association.kill()
    assert echo(node.peer, "AFTER").ok


def test_two_hundred_bad_associations_leave_no_thread_and_no_descriptor(node: Node) -> None:
    def descriptors() -> int:
        """All but those of the index: its pool keeps as many as were asked for at one moment."""
        targets = []
        for one in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                targets.append(str(one.readlink()))
        return sum("index.sqlite3" not in target for target in targets)

    echo(node.peer, "WARM")
    _wait_for(lambda: node.scp.association_count == 0)
    files, threads = descriptors(), threading.active_count()
    for n in range(200):
        with socket.create_connection(("127.0.0.1", node.port)) as sock:
            sock.sendall(bytes([n % 256]) * (n % 16))
    _wait_for(lambda: descriptors() <= files and threading.active_count() <= threads)


@pytest.mark.parametrize("is_established", [False, True])
def test_a_peer_that_sends_a_byte_now_and_then_is_cut_off(
    tmp_path: Path, is_established: bool
) -> None:
    """Each byte comes in time, the message never does."""
    settings = node_settings(tmp_path, association_idle_timeout_s=0.5)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            if is_established:
                association = open_association(Node(storage, scp).peer, "SLOW", _store_context())
                sock = association.connection.socket
                message = struct.pack(">BxLLBB", 4, 1000, 996, 1, 3)
            else:
                sock = socket.create_connection(("127.0.0.1", scp.port))
                message = struct.pack(">BxL", 1, 1000)
            started = time.monotonic()
            with sock, pytest.raises(OSError, match=r"[Bb]roken pipe|reset"):
                _drip(sock, message + bytes(1000))
            assert time.monotonic() - started < 40
        finally:
            scp.shutdown()


def test_noise_on_established_associations_ends_them_and_nothing_else(node: Node) -> None:
    rng = random.Random(2)
    echo(node.peer, "WARM")
    for _ in range(60):
        association = open_association(node.peer, "NOISE", _store_context())
        good = item_of(encoded(ct_instance(size=8)))
        stream = bytearray(
            b"".join(
                data_pdus(
                    1,
                    memoryview(
                        encode_store_request(
                            message_id=1,
                            sop_class_uid=good.sop_class_uid,
                            sop_instance_uid=good.sop_instance_uid,
                        )
                    ),
                    is_command=True,
                    max_pdu_bytes=0,
                )
                + data_pdus(1, memoryview(bytes(500)), is_command=False, max_pdu_bytes=0)
            )
        )
        for _ in range(rng.randint(1, 8)):
            stream[rng.randrange(len(stream))] = rng.randrange(256)
        with association.connection.socket as sock, contextlib.suppress(OSError):
            sock.sendall(stream[: rng.randrange(len(stream))])
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    _wait_for(lambda: node.scp.association_count == 0)
    (result,) = send([item_of(encoded(ct_instance()))], peer=node.peer, calling_ae_title="AFTER")
    assert result.ok
    assert node.instance_count == 1


def _drip(sock: socket.socket, data: bytes) -> None:
    for byte in data:
        sock.send(bytes([byte]))
        time.sleep(0.1)


def _echo_context():  # type: ignore[no-untyped-def]
    from pynetdicom.presentation import build_context

    return [build_context(Verification)]


def _store_context():  # type: ignore[no-untyped-def]
    from pynetdicom.presentation import build_context

    return [build_context(CTImageStorage)]


def _wait_for(condition, timeout_s: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
