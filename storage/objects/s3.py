"""Objects in an S3 bucket: AWS, MinIO, Ceph's gateway."""

import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Any, BinaryIO

from boto3.s3.transfer import TransferConfig

from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageUnavailable
from storage.objects.multipart import Part
from storage.objects.s3_client import client_of, of_parts, translated
from storage.objects.store import Presigned, Stored, check_key, decoded_note, quoted_note
from storage.settings import Settings
from storage.volumes.records import Note

_MULTIPART_BYTES = 32 * 1024 * 1024
_NOTE = "mediview-note"
_ASKED_AT_ONCE = 8
_ASKED_OF_A_TIME = 1000


class S3Objects:
    """One bucket through boto3; presigned uploads go to S3 directly."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._client = client_of(settings, settings.s3_endpoint_url)
        public = settings.s3_public_endpoint_url or settings.s3_endpoint_url
        self._signing_client = client_of(settings, public)
        # Threads would outlive a forked worker's child; one stream is enough on a LAN.
        self._transfer = TransferConfig(
            multipart_threshold=_MULTIPART_BYTES,
            multipart_chunksize=_MULTIPART_BYTES,
            use_threads=False,
        )

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        content_type: str = "application/octet-stream",
        note: Note | None = None,
    ) -> None:
        check_key(key)
        metadata = {} if note is None else {_NOTE: quoted_note(note)}
        stream = io.BytesIO(data) if isinstance(data, bytes) else data
        if isinstance(stream, io.BytesIO) and stream.getbuffer().nbytes < _MULTIPART_BYTES:
            # The same request as that below makes, without what divides it into parts.
            with translated():
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=stream,
                    ContentType=content_type,
                    Metadata=metadata,
                )
            return
        with translated():
            self._client.upload_fileobj(
                stream,
                self._bucket,
                key,
                ExtraArgs={"ContentType": content_type, "Metadata": metadata},
                Config=self._transfer,
            )

    def get(self, key: str) -> bytes:
        with translated():
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=check_key(key))[
                "Body"
            ].read()
        return body

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if length <= 0:
            return b""
        with translated():
            response = self._client.get_object(
                Bucket=self._bucket, Key=check_key(key), Range=f"bytes={start}-{start + length - 1}"
            )
            # A gateway that does not know ranges gives the whole object.
            if response.get("ContentLength", length + 1) > length:
                response["Body"].close()
                raise StorageUnavailable(
                    "The S3 bucket gives more than the part of an object that it was asked for.",
                    remedy="Check that the server, and a proxy before it, know ranges.",
                )
            body: bytes = response["Body"].read()
        return body

    def open(self, key: str) -> BinaryIO:
        return io.BufferedReader(_RangeReader(self, key, self.size(key)), 1 << 20)

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFound:
            return False
        return True

    def size(self, key: str) -> int:
        with translated():
            response = self._client.head_object(Bucket=self._bucket, Key=check_key(key))
        return int(response["ContentLength"])

    def delete(self, key: str) -> None:
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=check_key(key))

    def list(self, prefix: str) -> Iterator[str]:
        return (entry["Key"] for entry in self._entries(prefix))

    def list_with_notes(self, prefix: str) -> Iterator[Stored]:
        # A listing tells when an object was stored, out of order and in whole seconds at some;
        # what its metadata says is asked for one by one.
        entries = self._entries(prefix)
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            while some := list(islice(entries, _ASKED_OF_A_TIME)):
                yield from pool.map(self._with_note, some)

    def _with_note(self, entry: Mapping[str, Any]) -> Stored:
        stored = Stored(entry["Key"], entry["LastModified"], None)
        try:
            with translated():
                response = self._client.head_object(Bucket=self._bucket, Key=entry["Key"])
        except NotFound:
            return stored  # deleted meanwhile
        return stored._replace(note=decoded_note(response["Metadata"].get(_NOTE, "")))

    def list_with_tags(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Each key with what tells its bytes from others that were there (ETag)."""
        return ((entry["Key"], entry["ETag"].strip('"')) for entry in self._entries(prefix))

    def _entries(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        with translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                yield from page.get("Contents", ())

    def presign_put(self, key: str, content_type: str, max_bytes: int, expires_s: int) -> Presigned:
        """A POST policy, since S3's presigned PUT cannot limit the size."""
        with translated():
            post = self._signing_client.generate_presigned_post(
                self._bucket,
                check_key(key),
                Fields={"Content-Type": content_type},
                Conditions=[
                    {"Content-Type": content_type},
                    ["content-length-range", 1, max_bytes],
                ],
                ExpiresIn=expires_s,
            )
        return Presigned(
            method="POST",
            url=post["url"],
            fields=post["fields"],
            expires_at=utcnow() + timedelta(seconds=expires_s),
        )

    def presign_plain_put(
        self, key: str, content_type: str, max_bytes: int, expires_s: int
    ) -> Presigned:
        """S3 does not limit its size; what is too large is refused when it is started."""
        del max_bytes
        with translated():
            url = self._signing_client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": check_key(key),
                    "ContentType": content_type,
                },
                ExpiresIn=expires_s,
            )
        return Presigned(
            method="PUT",
            url=url,
            headers={"Content-Type": content_type},
            expires_at=utcnow() + timedelta(seconds=expires_s),
        )

    def presign_get(self, key: str, content_type: str, expires_s: int) -> Presigned | None:
        with translated():
            url = self._signing_client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": check_key(key),
                    "ResponseContentType": content_type,
                    "ResponseCacheControl": "private, no-store",
                },
                ExpiresIn=expires_s,
            )
        return Presigned(method="GET", url=url, expires_at=utcnow() + timedelta(seconds=expires_s))

    def begin_parts(self, key: str, content_type: str) -> str:
        with translated():
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=check_key(key), ContentType=content_type
            )
        return str(answer["UploadId"])

    def presign_part(
        self, key: str, multipart_id: str, part_number: int, size_bytes: int, expires_s: int
    ) -> Presigned:
        with translated():
            url = self._signing_client.generate_presigned_url(
                "upload_part",
                Params={
                    "Bucket": self._bucket,
                    "Key": check_key(key),
                    "UploadId": multipart_id,
                    "PartNumber": part_number,
                    # Signed, so that the bucket takes a part of this size alone.
                    "ContentLength": size_bytes,
                },
                ExpiresIn=expires_s,
            )
        return Presigned(method="PUT", url=url, expires_at=utcnow() + timedelta(seconds=expires_s))

    def parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        with of_parts():
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=check_key(key), UploadId=multipart_id
            )
            return [
                Part(int(part["PartNumber"]), int(part["Size"]), str(part["ETag"]).strip('"'))
                for page in pages
                for part in page.get("Parts", ())
            ]

    def join_parts(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        with of_parts():
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=check_key(key),
                UploadId=multipart_id,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": part.part_number, "ETag": f'"{part.etag}"'} for part in parts
                    ]
                },
            )

    def drop_parts(self, key: str, multipart_id: str) -> None:
        with suppress(NotFound), translated():
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=check_key(key), UploadId=multipart_id
            )

    def check(self) -> None:
        with translated():
            self._client.head_bucket(Bucket=self._bucket)

    def create_bucket(self) -> None:
        """Make the bucket when it is missing; harmless otherwise."""
        try:
            self.check()
        except NotFound:
            with translated():
                self._client.create_bucket(Bucket=self._bucket)


class _RangeReader(io.RawIOBase):
    """A seekable view on an object, fetched range by range."""

    def __init__(self, objects: S3Objects, key: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = self._objects.get_range(self._key, self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
