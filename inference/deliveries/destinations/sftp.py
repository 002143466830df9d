"""A folder of another machine by SFTP: one part-10 file an instance, whole or not there.

The host must be in the known-hosts file that an operator keeps: it says which hosts the node may
call, and by which key each proves that it is the one.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from dicom_node.network.throttle import Throttle
from dicom_node.peers import PeerFailed, PeerLacksService
from inference.deliveries.destinations.files import (
    copy,
    give,
    is_abandoned,
    part_name,
    path_of,
    same_bytes,
    size_of,
)
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import InstanceStorage, Outcome, TestResult
from inference.deliveries.destinations.ssh_deadlines import LimitedSftp, Watch
from inference.failures import explain
from storage.commitment.entities import CommitmentRequest
from storage.container.has import HasPeers
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError
from storage.core.untrusted_input.host_names import is_host_name
from storage.peers.entities import KnownPeer
from storage.settings import Settings

# Loaded where somebody uses it: every process lists the kinds of destinations.
if TYPE_CHECKING:
    import paramiko

_SCHEME = "sftp"
_PORT = 22
_CONNECT_S = 10.0
# All steps to a session that can be used; each has its own limit in paramiko, or none.
_SESSION_S = 30.0
_ANSWER_S = 60.0
_KEY_START = "-----BEGIN "


class SftpStorage(InstanceStorage, HasPeers, Protocol):
    """What of the storage layer sending by SFTP needs."""


class SftpDestination:
    query = "reading"

    def __init__(self, storage: SftpStorage, peer: KnownPeer) -> None:
        """Raises InvalidRequest where the operator does not know the host (any more)."""
        _check(peer, storage.settings)
        self._storage = storage
        self._peer = peer
        self._url = urlsplit(peer.url)
        self._folder = _folder_of(self._url)
        self._swept: set[PurePosixPath] = set()
        self._throttle = Throttle(peer.sending_bytes_per_s) if peer.sending_bytes_per_s else None

    def __str__(self) -> str:
        return self._peer.url

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            with self._connected() as there:
                for instance in instances:
                    outcomes.append(self._store(there, instance))
        except PeerFailed as error:
            done = {one.sop_instance_uid for one in outcomes}
            outcomes += [
                Outcome(one.sop_instance_uid, error.message, reached=False)
                for one in instances
                if one.sop_instance_uid not in done
            ]
        return outcomes

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        raise PeerLacksService(f"{self} has no storage commitment.")

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        with self._connected() as there:
            return {one.sop_instance_uid for one in instances if self._is_there(there, one)}

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        path = str(self._folder / path_of(instance))
        with self._connected() as there, there.open(path, "rb") as file:
            # Not what the server says of the size: the requests for all of it go out at once.
            file.prefetch(instance.size_bytes)
            give(file, write)

    def test(self) -> TestResult:
        probe = str(self._folder / part_name())
        try:
            with self._connected() as there:
                _make(there, self._folder)
                with there.open(probe, "wx") as file:
                    file.write(b"MediViewAI")
                there.rename(probe, f"{probe}.moved")
                there.remove(f"{probe}.moved")
        except PeerFailed as error:
            return TestResult(False, error.message)
        return TestResult(True, f"{self} can be written.")

    @contextmanager
    def _connected(self) -> Iterator[LimitedSftp]:
        """Raises PeerFailed, also for what goes wrong within."""
        import paramiko

        password, key = _secret(self._peer.token)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        with Watch(client.close, self._wanted()) as watch:
            try:
                with watch.within(_SESSION_S):
                    there = self._open(client, password, key)
                yield LimitedSftp(there, watch, _ANSWER_S)
            except paramiko.BadHostKeyException as error:
                raise PeerFailed(
                    f"{self} answered with another host key than the one that is known.",
                    remedy="Ask who keeps the server before you change the known-hosts file.",
                ) from error
            except (*_BROKEN, paramiko.SSHException, paramiko.SFTPError) as error:
                if isinstance(error, paramiko.AuthenticationException) and not watch.reason:
                    raise PeerFailed(f"{self} does not accept the user or its secret.") from error
                raise PeerFailed(
                    f"{self} cannot be used: {watch.reason or _words(error)}."
                ) from error
            finally:
                client.close()

    def _open(
        self, client: "paramiko.SSHClient", password: str | None, key: "paramiko.PKey | None"
    ) -> "paramiko.SFTPClient":
        from inference.deliveries.destinations.ssh_packets import LimitedTransport

        client.load_host_keys(str(known_hosts(self._storage.settings)))
        client.connect(
            self._url.hostname or "",
            self._url.port or _PORT,
            unquote(self._url.username or ""),
            password=password,
            pkey=key,
            timeout=_CONNECT_S,
            banner_timeout=_CONNECT_S,
            auth_timeout=_CONNECT_S,
            channel_timeout=_CONNECT_S,
            # The keys of the person who started the node are not its own.
            allow_agent=False,
            look_for_keys=False,
            transport_factory=LimitedTransport,
        )
        return client.open_sftp()

    def _wanted(self) -> Callable[[], bool]:
        """Whether the entry is as it was. One that is only tried need not be stored."""
        peers, peer = self._storage.peers, self._peer
        if peers.find(peer.name) != peer:
            return lambda: True
        return lambda: peers.find(peer.name) == peer

    def _store(self, there: LimitedSftp, instance: Instance) -> Outcome:
        """Raises what breaks the connection."""
        try:
            path = self._folder / path_of(instance)
            self._write(there, instance, path)
        except MediViewError as error:
            return Outcome(instance.sop_instance_uid, f"{self}: {explain(error).sentence}")
        except OSError as error:
            if there.is_closed:
                raise
            return Outcome(instance.sop_instance_uid, f"{self}: {_words(error)}.")
        return Outcome(instance.sop_instance_uid)

    def _write(self, there: LimitedSftp, instance: Instance, path: PurePosixPath) -> None:
        _make(there, path.parent)
        part = str(path.parent / part_name())
        try:
            with self._storage.instances.open(instance) as source, there.open(part, "wx") as file:
                file.set_pipelined()
                copy(source, file, self._throttle)
                size_bytes = size_of(source)
            # Of pipelined writes that failed, a full disk's for one, the server says nothing.
            if there.size(part) != size_bytes:
                raise _NotWritten("the file there is shorter than what was sent")
            self._sweep(there, path.parent, part)
            there.rename(part, str(path))
        except BaseException:
            # Whatever is wrong with the connection has been reported already.
            with suppress(Exception):
                there.remove(part)
            raise

    def _sweep(self, there: LimitedSftp, folder: PurePosixPath, own: str) -> None:
        """Remove what killed senders left there, once for each folder; `own` shows the time."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        # A server need not let us look; and another sender may be quicker.
        with suppress(OSError):
            now_s = there.modified_s(own)
            for name, modified_s in there.entries(str(folder)):
                if is_abandoned(name, now_s - modified_s):
                    there.remove(str(folder / name))

    def _is_there(self, there: LimitedSftp, instance: Instance) -> bool:
        path = str(self._folder / path_of(instance))
        try:
            with self._storage.instances.open(instance) as ours:
                size_bytes = size_of(ours)
                if there.size(path) != size_bytes:
                    return False
                with there.open(path, "rb") as theirs:
                    theirs.prefetch(size_bytes)
                    return same_bytes(ours, theirs)
        except FileNotFoundError:
            return False


# What a connection raises that ended, or in which something else than SFTP came.
_BROKEN = (EOFError, OSError, UnicodeError, struct.error)


class _NotWritten(OSError):
    """The server took the pieces and does not have them."""


def known_hosts(settings: Settings) -> Path:
    return settings.sftp_known_hosts or settings.data_dir / "known_hosts"


def _words(error: Exception) -> str:
    from paramiko.ssh_exception import NoValidConnectionsError

    if isinstance(error, NoValidConnectionsError):
        # Its own words have no reason: one for each address that the name has.
        reasons = {one.strerror or str(one) for one in error.errors.values()}
        return "; ".join(sorted(reasons))
    return str(error).strip().rstrip(".") or type(error).__name__


def _folder_of(url: SplitResult) -> PurePosixPath:
    """From the server's root, as in every sftp:// address."""
    return PurePosixPath(unquote(url.path))


def _make(there: LimitedSftp, folder: PurePosixPath) -> None:
    try:
        there.size(str(folder))
    except FileNotFoundError:
        if folder == folder.parent:
            # A server whose root is not there would be asked for it without end.
            raise
        _make(there, folder.parent)
        # Another sender may have been quicker.
        with suppress(OSError):
            there.make_folder(str(folder))
        there.size(str(folder))


def _secret(token: str) -> tuple[str | None, "paramiko.PKey | None"]:
    """A password, or a private key in OpenSSH's format. Raises InvalidRequest."""
    import paramiko

    if not token.startswith(_KEY_START):
        return token or None, None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        # Each class says in its own way that the key is of another kind.
        with suppress(paramiko.SSHException, ValueError, IndexError, TypeError):
            return None, kind.from_private_key(io.StringIO(token))
    raise InvalidRequest(
        "The token is not a private key that can be used.",
        remedy="Give an Ed25519, ECDSA or RSA key without a passphrase, as ssh-keygen writes it.",
    )


_PATH = re.compile(r"(?:/[A-Za-z0-9._~%-]+)+/?")
_SECRET = re.compile(r"[\x20-\x7e\r\n]{0,4000}")


def _check(peer: KnownPeer, settings: Settings) -> None:
    import paramiko

    try:
        url = urlsplit(peer.url)
        port = url.port or _PORT
    except ValueError:
        url, port = urlsplit(""), _PORT
    require(
        url.scheme == _SCHEME
        and is_host_name(url.hostname or "")
        and url.username
        and url.password is None
        and not (url.query or url.fragment)
        and _PATH.fullmatch(url.path)
        and ".." not in _folder_of(url).parts,
        "url",
        "sftp://user@host/folder or sftp://user@host:port/folder, without a password",
    )
    require(_SECRET.fullmatch(peer.token), "token", "a password, or a private key")
    _secret(peer.token)
    name = url.hostname if port == _PORT else f"[{url.hostname}]:{port}"
    file = known_hosts(settings)
    try:
        known = paramiko.HostKeys(str(file))
    except OSError:
        known = paramiko.HostKeys()
    if known.lookup(name or "") is None:
        raise InvalidRequest(
            f"The host {name} is not in {file}, so the node may not call it.",
            remedy=f"An operator adds its key: ssh-keyscan -p {port} {url.hostname} >> {file}",
        )


def _read_address(text: str) -> PeerAddress | None:
    return {"url": text} if text.startswith(f"{_SCHEME}://") else None


KIND = DestinationKind(
    name="sftp",
    title="SFTP",
    address="sftp://user@host/folder",
    service="`STUDY/SERIES/INSTANCE.dcm`, written aside and renamed",
    proof="the file is read again and compared",
    fields=(
        FormField("url", "Address (sftp://user@host/folder)", max_length=1000),
        FormField("token", "Password or private key", input="secret", max_length=4000),
    ),
    open=SftpDestination,
    check=_check,
    read_address=_read_address,
    show_address=lambda peer: peer.url,
    is_export=True,
)
