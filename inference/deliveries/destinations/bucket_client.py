"""A bucket that an operator allows, as its peer's entry names it: objects by key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from dicom_node.network.throttle import Throttle
from dicom_node.peers import PeerFailed
from storage.peers.entities import KnownPeer
from storage.settings import Settings

SCHEME = "s3+"
_ANSWER_S = 60.0
_PART_BYTES = 32 * 1024 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_REFUSED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


class NotThere(Exception):
    """There is no object under the key."""


class BucketClient:
    """`str()` names it in sentences. Its methods raise PeerFailed, and NotThere."""

    def __init__(self, peer: KnownPeer, settings: Settings) -> None:
        # Loaded where somebody uses it: every process lists the kinds of destinations.
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.client import Config

        from storage.http.boto_deadlines import limit_answers

        self._peer = peer
        url = urlsplit(peer.url.removeprefix(SCHEME))
        self._bucket, _, prefix = url.path.strip("/").partition("/")
        self._prefix = prefix.rstrip("/")
        key, _, secret = peer.token.partition(":")
        ca = settings.tls_ca
        self._client = boto3.client(
            "s3",
            endpoint_url=f"{url.scheme}://{url.netloc}",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=settings.s3_region,
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

    def key(self, name: str) -> str:
        """Of a name below the prefix that the entry states."""
        return "/".join(part for part in (self._prefix, name) if part)

    def upload(self, name: str, source: Any, content_type: str) -> None:
        """`source`: a binary file, of any length."""
        with self._asked():
            self._client.upload_fileobj(
                source,
                self._bucket,
                self.key(name),
                ExtraArgs={"ContentType": content_type},
                Config=self._transfer,
                Callback=None if self._throttle is None else self._throttle.wait_for,
            )

    def head(self, name: str) -> Mapping[str, Any]:
        with self._asked():
            found: Mapping[str, Any] = self._client.head_object(
                Bucket=self._bucket, Key=self.key(name)
            )
            return found

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """What lies under a key, to be read within."""
        from storage.http.boto_deadlines import FlowingBody

        with self._asked():
            answer = self._client.get_object(Bucket=self._bucket, Key=self.key(name))
            yield FlowingBody(self._client, answer)

    def names(self, folder: str = "", at_most: int | None = None) -> Iterator[str]:
        """Of the objects below a folder, as `upload` has them."""
        prefix = self.key(folder).rstrip("/")
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": f"{prefix}/" if prefix else ""}
        if at_most is not None:
            query["MaxKeys"] = at_most
        cut = len(self._prefix) + 1 if self._prefix else 0
        while True:
            with self._asked():
                page = self._client.list_objects_v2(**query)
            yield from (str(one["Key"])[cut:] for one in page.get("Contents", ()))
            following = page.get("NextContinuationToken")
            if at_most is not None or not page.get("IsTruncated") or not following:
                return
            query["ContinuationToken"] = following

    def delete(self, name: str) -> None:
        with self._asked():
            self._client.delete_object(Bucket=self._bucket, Key=self.key(name))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Errors of boto3 as PeerFailed, a missing object as `NotThere`."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise NotThere from error
            if code == "NoSuchBucket":
                raise PeerFailed(f"{self}: there is no bucket of that name.") from error
            if code in _REFUSED:
                raise PeerFailed(f"{self} does not accept the keys ({code}).") from error
            raise PeerFailed(f"{self} answered {code}.") from error
        except (BotoCoreError, Boto3Error) as error:
            raise PeerFailed(f"{self} cannot be used: {type(error).__name__}.") from error
