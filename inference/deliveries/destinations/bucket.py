"""A bucket of an S3 server: one part-10 object an instance."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from dicom_node.network.throttle import PIECE_BYTES, Throttle
from dicom_node.peers import PeerFailed, PeerLacksService
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

_SCHEME = "s3+"
_ANSWER_S = 60.0
_PART_BYTES = 32 * 1024 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_REFUSED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
# The ETag of what was stored in one piece; in several, it is a digest of digests.
_MD5 = re.compile(r"[0-9a-f]{32}")


class BucketDestination:
    query = "HEAD"

    def __init__(self, storage: InstanceStorage, peer: KnownPeer) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        # Loaded where somebody uses it: every process lists the kinds of destinations.
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.client import Config

        from storage.http.boto_deadlines import limit_answers

        _check(peer, storage.settings)
        self._storage = storage
        self._peer = peer
        url = urlsplit(peer.url.removeprefix(_SCHEME))
        self._bucket, _, self._prefix = url.path.strip("/").partition("/")
        key, _, secret = peer.token.partition(":")
        ca = storage.settings.tls_ca
        self._client = boto3.client(
            "s3",
            endpoint_url=f"{url.scheme}://{url.netloc}",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=storage.settings.s3_region,
            verify=str(ca) if ca is not None and url.scheme == "https" else None,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=_ANSWER_S,
                retries={"max_attempts": 1, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                # Neither of the environment nor of ~/.aws: the node goes where the peer says.
                proxies={},
                s3={"addressing_style": "path"},
            ),
        )
        limit_answers(self._client, _ANSWER_S)
        self._transfer = TransferConfig(
            multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
        )
        self._throttle = Throttle(peer.sending_bytes_per_s) if peer.sending_bytes_per_s else None

    def __str__(self) -> str:
        return self._peer.url

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
            with self._asked():
                stored = self._client.get_object(Bucket=self._bucket, Key=self._key(instance))
                give(self._body(stored), write)
        except _NotThere as error:
            raise PeerFailed(f"{self} no longer has the instance.") from error

    def test(self) -> TestResult:
        try:
            with self._asked():
                self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        except PeerFailed as error:
            return TestResult(False, error.message)
        return TestResult(True, f"{self} answers, and the bucket is there.")

    def _key(self, instance: Instance) -> str:
        return "/".join(part for part in (self._prefix.rstrip("/"), str(path_of(instance))) if part)

    def _put(self, instance: Instance) -> None:
        key = self._key(instance)
        with self._storage.instances.open(instance) as source, self._asked():
            self._client.upload_fileobj(
                source,
                self._bucket,
                key,
                ExtraArgs={"ContentType": "application/dicom"},
                Config=self._transfer,
                Callback=None if self._throttle is None else self._throttle.wait_for,
            )

    def _is_there(self, instance: Instance) -> bool:
        """By the server's own digest, or, where it has none, by what it gives back."""
        key = {"Bucket": self._bucket, "Key": self._key(instance)}
        try:
            with self._asked():
                head = self._client.head_object(**key)
                with self._storage.instances.open(instance) as ours:
                    if head["ContentLength"] != size_of(ours):
                        return False
                etag = str(head.get("ETag", "")).strip('"').lower()
                if _MD5.fullmatch(etag) and etag == self._md5(instance):
                    return True
                theirs = self._body(self._client.get_object(**key))
                with self._storage.instances.open(instance) as ours:
                    return same_bytes(ours, theirs)
        except _NotThere:
            return False

    def _body(self, answer: Mapping[str, Any]) -> Any:
        from storage.http.boto_deadlines import FlowingBody

        return FlowingBody(self._client, answer)

    def _md5(self, instance: Instance) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        with self._storage.instances.open(instance) as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Errors of boto3 as PeerFailed, a missing object as `_NotThere`."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise _NotThere from error
            if code == "NoSuchBucket":
                raise PeerFailed(f"{self}: there is no bucket of that name.") from error
            if code in _REFUSED:
                raise PeerFailed(f"{self} does not accept the keys ({code}).") from error
            raise PeerFailed(f"{self} answered {code}.") from error
        except (BotoCoreError, Boto3Error) as error:
            raise PeerFailed(f"{self} cannot be used: {type(error).__name__}.") from error


class _NotThere(Exception):
    """There is no object under the key."""


_PATH = re.compile(r"/[a-z0-9][a-z0-9.-]{1,62}(?:/[A-Za-z0-9._-]+)*/?")
_TOKEN = re.compile(r"[\x21-\x39\x3b-\x7e]{1,200}:[\x21-\x7e]{1,1000}")


def _check(peer: KnownPeer, settings: Settings) -> None:
    """Let it reach the hosts that the operator allows, and no other. Raises InvalidRequest."""
    require(peer.url.startswith(_SCHEME), "url", KIND.address)
    url = check_url(
        peer.url.removeprefix(_SCHEME),
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
    return {"url": text} if text.startswith((f"{_SCHEME}http://", f"{_SCHEME}https://")) else None


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
