"""A bucket of an S3 server: one part-10 object an instance."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import BinaryIO
from urllib.parse import urlsplit

from dicom_node.network.throttle import PIECE_BYTES
from dicom_node.peers import PeerFailed, PeerLacksService
from inference.deliveries.destinations.bucket_client import SCHEME, BucketClient, NotThere
from inference.deliveries.destinations.files import give, path_of, same_bytes, size_of
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import InstanceStorage, Outcome, TestResult
from inference.failures import explain
from storage.commitment.entities import CommitmentRequest
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError
from storage.http.url_policy import check_url
from storage.peers.entities import KnownPeer
from storage.settings import Settings, is_loopback

# The ETag of what was stored in one piece; in several, it is a digest of digests.
_MD5 = re.compile(r"[0-9a-f]{32}")


class BucketDestination:
    query = "HEAD"

    def __init__(self, storage: InstanceStorage, peer: KnownPeer) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        _check(peer, storage.settings)
        self._storage = storage
        self._client = BucketClient(peer, storage.settings)

    def __str__(self) -> str:
        return str(self._client)

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for number, instance in enumerate(instances):
            try:
                self._put(instance)
                outcomes.append(Outcome(instance.sop_instance_uid))
            except PeerFailed as error:
                # Each of the others would wait as long for the same silence.
                rest = instances[number:]
                others = [
                    Outcome(one.sop_instance_uid, error.message, reached=False) for one in rest
                ]
                return outcomes + others
            except MediViewError as error:
                sentence = f"{self}: {explain(error).sentence}"
                outcomes.append(Outcome(instance.sop_instance_uid, sentence))
        return outcomes

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        raise PeerLacksService(f"{self} has no storage commitment.")

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        return {one.sop_instance_uid for one in instances if self._is_there(one)}

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        try:
            with self._client.opened(str(path_of(instance))) as stored:
                give(stored, write)
        except NotThere as error:
            raise PeerFailed(f"{self} no longer has the instance.") from error

    def test(self) -> TestResult:
        try:
            next(self._client.names(at_most=1), None)
        except PeerFailed as error:
            return TestResult(False, error.message)
        return TestResult(True, f"{self} answers, and the bucket is there.")

    def _put(self, instance: Instance) -> None:
        with self._storage.instances.open(instance) as source:
            self._client.upload(str(path_of(instance)), source, "application/dicom")

    def _is_there(self, instance: Instance) -> bool:
        """By the server's own digest, or, where it has none, by what it gives back."""

        def opened() -> BinaryIO:
            return self._storage.instances.open(instance)

        return is_stored(self._client, str(path_of(instance)), opened)


def is_stored(client: BucketClient, name: str, open_ours: Callable[[], BinaryIO]) -> bool:
    """Whether an object has our bytes: by the server's digest, or else it is read again.

    Raises PeerFailed.
    """
    try:
        head = client.head(name)
        with open_ours() as ours:
            if head["ContentLength"] != size_of(ours):
                return False
        etag = str(head.get("ETag", "")).strip('"').lower()
        if _MD5.fullmatch(etag) and etag == _md5(open_ours):
            return True
        with client.opened(name) as theirs, open_ours() as ours:
            return same_bytes(ours, theirs)
    except NotThere:
        return False


def _md5(open_ours: Callable[[], BinaryIO]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open_ours() as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


_PATH = re.compile(r"/[a-z0-9][a-z0-9.-]{1,62}(?:/[A-Za-z0-9._-]+)*/?")
_TOKEN = re.compile(r"[\x21-\x39\x3b-\x7e]{1,200}:[\x21-\x7e]{1,1000}")


def _check(peer: KnownPeer, settings: Settings) -> None:
    """Let it reach the hosts that the operator allows, and no other. Raises InvalidRequest."""
    require(peer.url.startswith(SCHEME), "url", KIND.address)
    url = check_url(
        peer.url.removeprefix(SCHEME),
        settings.bucket_hosts,
        "MEDIVIEW_BUCKET_HOSTS",
        "buckets as destinations",
    )
    path = urlsplit(url.url).path
    require(
        _PATH.fullmatch(path) and ".." not in path and "?" not in peer.url,
        "url",
        "s3+https://host/bucket or s3+https://host/bucket/prefix",
    )
    require(_TOKEN.fullmatch(peer.token), "token", "access key and secret key, with : between")
    if url.scheme == "http" and not is_loopback(url.host):
        raise InvalidRequest(
            "The images would travel unencrypted, for everyone on the way to read.",
            remedy="Use an s3+https:// address.",
        )


def _read_address(text: str) -> PeerAddress | None:
    return {"url": text} if text.startswith((f"{SCHEME}http://", f"{SCHEME}https://")) else None


KIND = DestinationKind(
    name="bucket",
    title="S3 bucket",
    address="s3+https://host/bucket/prefix",
    service="`PREFIX/STUDY/SERIES/INSTANCE.dcm`, one object an instance",
    proof="size and the server's MD5 (ETag), else the object is read again and compared",
    fields=(
        FormField("url", "Address (s3+https://host/bucket/prefix)", max_length=1000),
        FormField("token", "Access key and secret key, with : between", "secret", 1201),
    ),
    open=BucketDestination,
    check=_check,
    read_address=_read_address,
    show_address=lambda peer: peer.url,
    is_export=True,
)
