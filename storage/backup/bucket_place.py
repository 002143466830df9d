"""An S3 bucket that backups lie in."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from storage.backup.size_limit import check_size
from storage.core.errors import NotFound, StorageUnavailable
from storage.http.boto_deadlines import FlowingBody
from storage.objects.s3_client import client_of, translated
from storage.settings import Settings

_AT_ONCE_BYTES = 1 << 20


class BucketPlace:
    def __init__(self, settings: Settings, name: str, bucket: str, prefix: str) -> None:
        endpoint_url = settings.backup_s3_endpoint_url or settings.s3_endpoint_url
        if settings.backup_s3_access_key_id:
            settings = settings.model_copy(
                update={
                    "s3_access_key_id": settings.backup_s3_access_key_id,
                    "s3_secret_access_key": settings.backup_s3_secret_access_key,
                }
            )
        self.name = name
        self._client = client_of(settings, endpoint_url)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def put(self, name: str, data: bytes) -> None:
        with self._translated(name):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)

    def get(self, name: str, max_bytes: int) -> bytes:
        with self._translated(name):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            with closing(answer["Body"]):
                # An answer in chunks states no length.
                check_size(name, self.name, answer.get("ContentLength", 0), max_bytes)
                body, flowing = bytearray(), FlowingBody(self._client, answer)
                while piece := flowing.read(_AT_ONCE_BYTES):
                    body += piece
                    check_size(name, self.name, len(body), max_bytes)
        return bytes(body)

    def list(self, folder: str) -> Iterator[str]:
        with self._translated(folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{folder}/"
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"][len(self._prefix) :]

    def delete(self, name: str) -> None:
        with self._translated(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            with translated():
                yield
        except NotFound as error:
            raise NotFound(f"{name} is missing in {self.name}.") from error
        except StorageUnavailable as error:
            raise StorageUnavailable(
                f"The bucket of backups {self.name} does not answer as it should"
                f" ({error.__cause__}).",
                remedy="Check the bucket, MEDIVIEW_BACKUP_S3_ENDPOINT_URL and the keys.",
            ) from error
