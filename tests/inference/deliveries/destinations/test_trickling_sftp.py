"""SFTP servers that answer byte by byte: the call ends, and others have their results."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations import open_destination, probe_peer, sftp
from inference.deliveries.service import deliver_due
from inference.deliveries.slots import SendingSlots
from storage.core.clock import utcnow
from storage.http import deadlines
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import FOLDER, deliveries, node, with_results
from tests.inference.orchestration import wait_for

_OPEN, _STATUS, _HANDLE, _NAME = 3, 101, 102, 104


@dataclass(frozen=True)
class _Server:
    port: int
    known_hosts: Path

    def peer(self, name: str = "slow") -> KnownPeer:
        url = f"sftp://user@127.0.0.1:{self.port}/in"
        return KnownPeer(name, kind="sftp", url=url, token="secret", is_destination=True)


@contextmanager
def _server(folder: Path, how: str = "trickle") -> Iterator[_Server]:
    """It opens files, and answers everything else as `how` says, until it is left."""
    done = threading.Event()
    transports: list[paramiko.Transport] = []

    class Session(paramiko.ServerInterface):
        def check_auth_password(self, username: str, password: str) -> int:
            return paramiko.AUTH_SUCCESSFUL

        def check_channel_request(self, kind: str, chanid: int) -> int:
            return paramiko.OPEN_SUCCEEDED

        def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
            if how == "no subsystem":
                done.wait()
            return super().check_channel_subsystem_request(channel, name)

    class Answers(paramiko.SubsystemHandler):
        def start_subsystem(
            self, name: str, transport: paramiko.Transport, channel: paramiko.Channel
        ) -> None:
            def packet() -> bytes:
                with channel.makefile("rb") as incoming:
                    (size,) = struct.unpack(">I", incoming.read(4))
                    return bytes(incoming.read(size))

            with suppress(Exception):
                packet()
                channel.sendall(struct.pack(">IBI", 5, 2, 3))
                while how == "no root":
                    status = struct.pack(">I", 2) + struct.pack(">I4sI", 4, b"gone", 0)
                    answer = bytes((_STATUS,)) + packet()[1:5] + status
                    channel.sendall(struct.pack(">I", len(answer)) + answer)
                while (asked := packet())[0] == _OPEN:
                    channel.sendall(struct.pack(">IB", 9, _HANDLE) + asked[1:5] + b"\0\0\0\0")
                if how == "garbage":
                    channel.sendall(b"\xff" * 64)
                    return
                channel.sendall(struct.pack(">IB", 0xFFFFFF, _NAME) + asked[1:5])
                while not done.wait(0.1):
                    channel.sendall(b"\0")

    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        port = listener.getsockname()[1]
        hosts = folder / "known_hosts"
        hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")

        def serve() -> None:
            while not done.is_set():
                with suppress(TimeoutError, paramiko.SSHException, EOFError):
                    caller, _ = listener.accept()
                    transport = paramiko.Transport(caller)
                    transports.append(transport)
                    transport.add_server_key(key)
                    transport.set_subsystem_handler("sftp", Answers)
                    transport.start_server(threading.Event(), Session())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield _Server(port, hosts)
        finally:
            done.set()
            thread.join()
            for transport in transports:
                transport.close()


def test_a_packet_without_measure_ends_the_call(tmp_path: Path) -> None:
    """Stated before the key of the host is known, so by anybody on the way."""
    sent_bytes = 0

    def serve(listener: socket.socket) -> None:
        nonlocal sent_bytes
        caller, _ = listener.accept()
        with caller, suppress(ConnectionError):
            caller.sendall(b"SSH-2.0-OpenSSH_9.0\r\n" + struct.pack(">I", 0xFFFFFFEC))
            while sent_bytes < 1 << 26:
                sent_bytes += caller.send(bytes(1 << 16))

    hosts = tmp_path / "known_hosts"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(listener.getsockname()[1], hosts)
        key = paramiko.ECDSAKey.generate()
        hosts.write_text(f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n")
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with node(tmp_path, server.peer(), sftp_known_hosts=hosts) as storage:
            assert "announced an SSH packet" in probe_peer(storage, server.peer()).sentence
        thread.join(20)
    # What the kernel keeps on both sides counts as sent.
    assert sent_bytes < 1 << 25


@pytest.mark.parametrize("how", ["trickle", "no subsystem", "garbage"])
def test_a_call_ends_that_is_never_answered_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # Only where the limit is to end the call: elsewhere a slow machine would come too late.
    if how == "trickle":
        monkeypatch.setattr(sftp, "_ANSWER_S", 0.6)
    if how == "no subsystem":
        monkeypatch.setattr(sftp, "_SESSION_S", 3.0)
    with (
        _server(tmp_path, how) as server,
        node(tmp_path, server.peer(), sftp_known_hosts=server.known_hosts) as storage,
    ):
        with_results(storage)
        begun = time.monotonic()
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert time.monotonic() - begun < 30
        why = "Garbage packet" if how == "garbage" else "it did not answer within"
        assert all(why in one.last_error for one in deliveries(storage))
        assert storage.circuit_breakers.all()[0].open_until > utcnow()
        if how == "garbage":
            assert "Garbage packet" in probe_peer(storage, server.peer()).sentence


def test_a_call_ends_whose_file_trickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "WINDOW_S", 0.6)
    with (
        _server(tmp_path) as server,
        node(tmp_path, server.peer(), sftp_known_hosts=server.known_hosts) as storage,
    ):
        (first, _) = with_results(storage)
        with pytest.raises(PeerFailed, match=r"did not answer within 0\.6 s"):
            open_destination(storage, server.peer()).fetch(first, lambda _piece: None)


def test_one_host_holds_up_no_other_and_is_left_once_its_peers_are_removed(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        slow = [server.peer(f"slow{number}") for number in range(5)]
        with node(
            tmp_path,
            *slow,
            FOLDER,
            sftp_known_hosts=server.known_hosts,
            export_dir=tmp_path / "export",
        ) as storage:
            with_results(storage)
            slots, name = SendingSlots(4), FOLDER.name
            senders = [
                threading.Thread(
                    target=deliver_due,
                    args=(storage, utcnow(), f"{number}"),
                    kwargs={"slots": slots},
                )
                for number in range(4)
            ]
            for sender in senders:
                sender.start()
            wait_for(
                lambda: (
                    {"CONFIRMED"}
                    == {one.state for one in deliveries(storage) if one.destination == name}
                ),
                "the results at the destination that answers",
            )
            for peer in slow:
                storage.peers.remove(peer.name)
            for sender in senders:
                sender.join(20)
            assert not any(sender.is_alive() for sender in senders)


def test_a_server_without_even_a_root_is_named(tmp_path: Path) -> None:
    with (
        _server(tmp_path, "no root") as server,
        node(tmp_path, server.peer(), sftp_known_hosts=server.known_hosts) as storage,
    ):
        probed = probe_peer(storage, server.peer())
        assert not probed.ok
        assert "gone" in probed.sentence
