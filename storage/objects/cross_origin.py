"""What the bucket's server lets pages of the node do in a browser (Fetch standard, CORS protocol).

Uploads go from the viewer to the bucket itself, and retrievals may: without a rule of the bucket
browsers refuse both.
"""

from typing import Any
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from storage.objects.s3_client import client_of
from storage.settings import Settings

log = structlog.get_logger(__name__)

_NO_RULES = "NoSuchCORSConfiguration"
_MAX_AGE_S = 3600


def let_pages_in(settings: Settings) -> bool:
    """Give the bucket a rule for the node's own pages where it has none; whether it was given one.

    Rules that are there are the site's, and stay. A server that has no such rules, or does not let
    this account set them, is no reason not to start: it stands in the log.
    """
    client = client_of(settings, settings.s3_endpoint_url)
    try:
        if _has_rules(client, settings.s3_bucket):
            return False
        client.put_bucket_cors(
            Bucket=settings.s3_bucket,
            CORSConfiguration={"CORSRules": [_rule(settings)]},
        )
    except (ClientError, BotoCoreError) as error:
        log.warning("bucket_cors_not_set", error=type(error).__name__)
        return False
    return True


def _has_rules(client: Any, bucket: str) -> bool:
    try:
        return bool(client.get_bucket_cors(Bucket=bucket)["CORSRules"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _NO_RULES:
            return False
        raise


def _rule(settings: Settings) -> dict[str, Any]:
    own = urlsplit(settings.resolved_public_url)
    return {
        "AllowedOrigins": [f"{own.scheme}://{own.netloc}", *settings.cors_origins],
        "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": _MAX_AGE_S,
    }
