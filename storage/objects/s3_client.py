"""The client of an S3 bucket, and its errors as those of the node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.core.errors import NotFound, StorageUnavailable
from storage.http.boto_deadlines import limit_answers
from storage.objects.multipart import no_parts
from storage.settings import Settings

_ANSWER_S = 30.0
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})


def client_of(settings: Settings, endpoint_url: str) -> Any:
    """A client of boto3 for the endpoint, which gateways other than AWS's understand."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url or None,
        aws_access_key_id=settings.s3_access_key_id or None,
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value() or None,
        region_name=settings.s3_region,
        config=Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=_ANSWER_S,
            retries={"max_attempts": 2, "mode": "standard"},
            max_pool_connections=32,
            # Gateways other than AWS's know no trailing checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        ),
    )
    limit_answers(client, _ANSWER_S)
    return client


@contextmanager
def of_parts() -> Iterator[None]:
    """`translated`, for the calls about the parts of an upload."""
    # What is missing here is the upload; Ceph and AWS word it differently.
    try:
        with translated():
            yield
    except NotFound as error:
        raise no_parts() from error


@contextmanager
def translated() -> Iterator[None]:
    """Errors of boto3 as NotFound or StorageUnavailable."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise NotFound(
                "There is no object under that key.", remedy="Upload it first."
            ) from error
        raise _unavailable(code) from error
    except BotoCoreError as error:
        raise _unavailable(type(error).__name__) from error


def _unavailable(cause: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"The S3 bucket does not answer as it should ({cause}).",
        remedy="Check MEDIVIEW_S3_ENDPOINT_URL, the bucket, the keys and the server.",
    )
