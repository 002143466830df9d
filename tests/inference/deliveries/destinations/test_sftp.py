"""Results go to a folder of OpenSSH's server, whose host key an operator has put on the list."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from getpass import getuser
from pathlib import Path

import pytest

from inference.deliveries.destinations import open_destination, probe_peer, sftp
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.settings import load_settings
from tests.inference.deliveries.destinations.nodes import deliveries, node, with_results
from tests.inference.orchestration import later, wait_for
from tests.services import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(SSHD is None, reason="OpenSSH's server is missing")


@dataclass(frozen=True)
class SshServer:
    port: int
    folder: Path
    key: str
    """The private key that it accepts."""

    @property
    def peer(self) -> KnownPeer:
        return KnownPeer(
            "vna",
            kind="sftp",
            url=f"sftp://{getuser()}@127.0.0.1:{self.port}{self.folder}/incoming",
            token=self.key,
            is_destination=True,
        )

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"


@contextmanager
def ssh_server(folder: Path, port: int = 0) -> Iterator[SshServer]:
    """sshd as this user, for whoever has the key."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    for name in ("host", "client"):
        if not (folder / name).exists():
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    shutil.copy(folder / "client.pub", folder / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile none\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", folder / "config"], stderr=log)
    try:
        listening = f"listening on 127.0.0.1 port {port}"
        wait_for(lambda: listening in (folder / "log").read_text(), "sshd")
        yield SshServer(port, folder, (folder / "client").read_text())
    finally:
        process.terminate()
        process.wait()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as running:
        yield running


def test_a_server_gets_whole_files_named_by_their_uids(tmp_path: Path, server: SshServer) -> None:
    with node(tmp_path, server.peer, sftp_known_hosts=server.known_hosts) as storage:
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
        incoming = server.folder / "incoming"
        found = sorted(path for path in incoming.rglob("*") if path.is_file())
        assert found == sorted(
            incoming
            / one.study_instance_uid
            / one.series_instance_uid
            / f"{one.sop_instance_uid}.dcm"
            for one in results
        )
        first = next(path for path in found if path.stem == results[0].sop_instance_uid)
        content = bytearray(first.read_bytes())
        assert bytes(content) == storage.instances.read(results[0])
        assert probe_peer(storage, server.peer).ok
        content[-1] ^= 1
        first.write_bytes(content)
        held = open_destination(storage, server.peer).listed(results)
        assert held == {results[1].sop_instance_uid}


def test_a_server_that_was_away_gets_it_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with ssh_server(tmp_path / "ssh", port) as there:
        peer, hosts = there.peer, there.known_hosts
    with node(tmp_path, peer, sftp_known_hosts=hosts) as storage:
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert "cannot be used" in deliveries(storage)[0].last_error
        with ssh_server(tmp_path / "ssh", port):
            assert deliver_due(storage, later(60), "sender") == 2


def test_a_host_that_shows_another_key_gets_nothing(tmp_path: Path, server: SshServer) -> None:
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other"))
    hosts = tmp_path / "known_hosts"
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    hosts.write_text(f"[127.0.0.1]:{server.port} {other}\n")
    with node(tmp_path, server.peer, sftp_known_hosts=hosts) as storage:
        tested = probe_peer(storage, server.peer)
        assert not tested.ok
        assert "another host key" in tested.sentence


def test_a_wrong_key_or_a_closed_folder_is_said(tmp_path: Path, server: SshServer) -> None:
    _run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "stranger"))
    stranger = replace(server.peer, token=(tmp_path / "stranger").read_text())
    lost = replace(server.peer, url=f"sftp://{getuser()}@127.0.0.1:{server.port}/proc/none")
    with node(tmp_path, sftp_known_hosts=server.known_hosts) as storage:
        assert "does not accept the user" in probe_peer(storage, stranger).sentence
        result = with_results(storage)[0]
        (outcome,) = open_destination(storage, lost).send([result])
        assert outcome.error


@pytest.mark.parametrize(
    ("url", "token", "complaint"),
    [
        ("sftp://user@elsewhere.example.org/in", "x", "ssh-keyscan -p 22 elsewhere.example.org"),
        ("sftp://user@[::1]:x/in", "x", "url"),
        ("sftp://user:secret@vna.example.org/in", "x", "without a password"),
        ("sftp://vna.example.org/in", "x", "url"),
        ("sftp://user@vna.example.org/in/../..", "x", "url"),
        ("sftp://user@vna.example.org/in", "-----BEGIN NONSENSE-----\n", "private key"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path: Path, url: str, token: str, complaint: str) -> None:
    peer = KnownPeer("vna", kind="sftp", url=url, token=token)
    with pytest.raises(InvalidRequest) as refused:
        sftp.KIND.check(peer, load_settings(data_dir=tmp_path))
    assert complaint in f"{refused.value.message} {refused.value.remedy}"
