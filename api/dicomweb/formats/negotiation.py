"""What a client accepts, read tolerantly, and what it therefore gets (PS3.18 8.7).

Real clients write parameters unquoted, in any order, and with a transfer
syntax of `*`; the grammar of RFC 9110 would refuse some of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fastapi import Request
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.header_values import parameters_of, split_unquoted

OCTET_STREAM = "application/octet-stream"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
ZIP = "application/zip"
MULTIPART_RELATED = "multipart/related"

NATIVE_SYNTAXES = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    }
)

TARGET_SYNTAXES: tuple[str, ...] = tuple(
    str(syntax)
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    )
)
"""What a whole instance can be brought into; nothing is lost on the way."""


@dataclass(frozen=True)
class MediaRange:
    """One alternative of an Accept header."""

    media_type: str
    """Of the part, where the alternative is multipart/related."""
    multipart: bool
    transfer_syntax: str
    """A UID, `*`, or the empty string where the client states none."""
    quality: float = 1.0

    def covers(self, media_type: str) -> bool:
        if self.media_type in ("*/*", media_type):
            return True
        return self.media_type.endswith("/*") and media_type.startswith(self.media_type[:-1])


@dataclass(frozen=True)
class InstanceFormat:
    multipart: bool
    transfer_syntax_uid: str
    """Empty: as stored."""


def accepted(request: Request) -> list[MediaRange]:
    """The client's alternatives, the best first; the query's `accept` comes before the header."""
    values = request.query_params.getlist("accept") or request.headers.getlist("accept")
    return parse_accept(",".join(values))


def parse_accept(header: str) -> list[MediaRange]:
    """Read an Accept header; an empty one means anything."""
    return list(_parsed(header))


# A client sends the same one with each request.
@lru_cache(256)
def _parsed(header: str) -> tuple[MediaRange, ...]:
    ranges = [media for part in split_unquoted(header, ",") for media in _parse_range(part)]
    if not ranges:
        return (MediaRange("*/*", multipart=True, transfer_syntax=""),)
    # sorted() is stable: among equals the client's order decides.
    return tuple(sorted((r for r in ranges if r.quality > 0), key=lambda r: -r.quality))


def _parse_range(text: str) -> Iterator[MediaRange]:
    media_type, values = parameters_of(text)
    if not media_type:
        return
    try:
        quality = float(values.get("q", "1"))
    except ValueError:
        quality = 1.0
    multipart = media_type == MULTIPART_RELATED
    if multipart:
        media_type = values.get("type", "*/*").lower()
    yield MediaRange(media_type, multipart, values.get("transfer-syntax", ""), quality)


def choose_instances(
    ranges: Sequence[MediaRange], stored_syntax_uids: frozenset[str]
) -> InstanceFormat:
    """Pick how whole instances leave. Raises 406.

    Without a transfer syntax, or with `*`, they leave as stored; `TARGET_SYNTAXES`
    can be made of what the node can decode.
    """
    for media in ranges:
        if not media.covers(DICOM):
            continue
        multipart = media.multipart or media.media_type == "*/*"
        wanted = media.transfer_syntax
        if wanted in ("", "*") or stored_syntax_uids <= {wanted}:
            return InstanceFormat(multipart, "")
        if wanted in TARGET_SYNTAXES:
            return InstanceFormat(multipart, wanted)
    raise not_acceptable(
        "Instances cannot be sent as the Accept header asks.",
        'Accept multipart/related; type="application/dicom"; transfer-syntax=*.',
        [
            f'{MULTIPART_RELATED}; type="{DICOM}"; transfer-syntax={syntax}'
            for syntax in ("*", *TARGET_SYNTAXES)
        ],
    )


def wants_zip(ranges: Sequence[MediaRange]) -> bool:
    """Whether an archive is what the client takes first; nobody gets one unasked."""
    return bool(ranges) and ranges[0].media_type == ZIP and not ranges[0].multipart


def choose_model(ranges: Sequence[MediaRange]) -> str:
    """DICOM JSON, in any spelling, or XML for search results and metadata. Raises 406."""
    for media in ranges:
        if media.media_type == "*/*":
            return DICOM_JSON
        if not media.multipart and (media.covers(DICOM_JSON) or media.covers("application/json")):
            return DICOM_JSON
        # Some leave out that XML travels in parts.
        if media.media_type in (DICOM_XML, "application/xml", "text/xml"):
            return DICOM_XML
    raise not_acceptable(
        "Search results and metadata leave as DICOM JSON or, in parts, as XML.",
        "Accept application/dicom+json.",
        (DICOM_JSON, f'{MULTIPART_RELATED}; type="{DICOM_XML}"'),
    )


def choose_image(ranges: Sequence[MediaRange], offered: Sequence[str]) -> str:
    """The first of `offered` that the best alternative covers. Raises 406."""
    for media in ranges:
        for media_type in offered:
            if media.covers(media_type):
                return media_type
    raise not_acceptable(
        f"Rendered images leave as {', '.join(offered)}.", f"Accept {offered[0]}.", offered
    )
