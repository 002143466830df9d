"""Answers with an ETag, and JSON that is gzipped when the client takes it."""

import gzip
import hashlib
import json
import zlib
from typing import Any

import orjson
from fastapi import Request, Response

# The browser may keep what it got, and asks each time whether it still holds.
# No browser keeps images on its disk; a program that keeps them may ask whether they still hold.
CACHE_CONTROL = "no-store"
_GZIP_LEVEL = 1
_GZIP_WBITS = 16 + zlib.MAX_WBITS


def json_bytes(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Whole numbers of more than 64 bits.
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()


def accepts_gzip(request: Request) -> bool:
    encodings = request.headers.get("accept-encoding", "").lower()
    return any(
        part.strip().partition(";")[0].strip() in ("gzip", "*") and "q=0" not in part.split(";")[-1]
        for part in encodings.split(",")
    )


def gzip_bytes(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0)


def gzip_level_packer() -> "zlib._Compress":
    """For what is packed while it is made."""
    return zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WBITS)


def matches_etag(request: Request, etag: str) -> bool:
    """Whether If-None-Match names `etag`, compared weakly (RFC 9110 13.1.2)."""
    wanted = request.headers.get("if-none-match")
    if wanted is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
    return "*" in tags or etag in tags


def etag_of(*parts: str) -> str:
    """A strong entity tag from all that an answer depends on."""
    return f'"{hashlib.sha256(" ".join(parts).encode()).hexdigest()[:40]}"'


def caching_headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept, Accept-Encoding"}


def not_modified(etag: str) -> Response:
    return Response(status_code=304, headers=caching_headers(etag))
