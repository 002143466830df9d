"""How frames leave: as stored, as octets, or compressed again (PS3.18 8.7.3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.negotiation import (
    MULTIPART_RELATED,
    NATIVE_SYNTAXES,
    OCTET_STREAM,
    MediaRange,
)

# Media type of one frame by its transfer syntax (PS3.18 Table 8.7.3-4 and -5).
_FRAME_TYPES: dict[str, tuple[str, ...]] = {
    "1.2.840.10008.1.2.5": ("image/dicom-rle", "image/x-dicom-rle"),
    "1.2.840.10008.1.2.4.50": ("image/jpeg",),
    "1.2.840.10008.1.2.4.51": ("image/jpeg",),
    "1.2.840.10008.1.2.4.57": ("image/jpeg",),
    "1.2.840.10008.1.2.4.70": ("image/jpeg",),
    "1.2.840.10008.1.2.4.80": ("image/jls", "image/x-jls"),
    "1.2.840.10008.1.2.4.81": ("image/jls", "image/x-jls"),
    "1.2.840.10008.1.2.4.90": ("image/jp2",),
    "1.2.840.10008.1.2.4.91": ("image/jp2",),
    "1.2.840.10008.1.2.4.92": ("image/jpx",),
    "1.2.840.10008.1.2.4.93": ("image/jpx",),
    "1.2.840.10008.1.2.4.110": ("image/jxl",),
    "1.2.840.10008.1.2.4.111": ("image/jxl",),
    "1.2.840.10008.1.2.4.112": ("image/jxl",),
    "1.2.840.10008.1.2.4.201": ("image/jphc", "image/jph"),
    "1.2.840.10008.1.2.4.202": ("image/jphc", "image/jph"),
    "1.2.840.10008.1.2.4.203": ("image/jphc", "image/jph"),
    "1.2.840.10008.1.2.4.100": ("video/mpeg2", "video/mpeg"),
    "1.2.840.10008.1.2.4.101": ("video/mpeg2", "video/mpeg"),
    "1.2.840.10008.1.2.4.102": ("video/mp4",),
    "1.2.840.10008.1.2.4.103": ("video/mp4",),
    "1.2.840.10008.1.2.4.104": ("video/mp4",),
    "1.2.840.10008.1.2.4.105": ("video/mp4",),
    "1.2.840.10008.1.2.4.106": ("video/mp4",),
}


# What frames are compressed to, by the media type of which it is the default (PS3.18
# Table 8.7.3-5): the syntaxes of `TARGET_SYNTAXES` that compress pixels.
_ENCODED_TYPES: dict[str, str] = {
    "image/dicom-rle": str(RLELossless),
    "image/x-dicom-rle": str(RLELossless),
    "image/jls": str(JPEGLSLossless),
    "image/x-jls": str(JPEGLSLossless),
    "image/jp2": str(JPEG2000Lossless),
}


@dataclass(frozen=True)
class FrameFormat:
    """How frames leave: the part's media type and transfer syntax."""

    media_type: str
    transfer_syntax_uid: str
    decode: bool
    """Whether they are decoded; into another compressed syntax they are then encoded."""
    multipart: bool

    @property
    def encode(self) -> bool:
        return self.decode and self.transfer_syntax_uid in _ENCODED_TYPES.values()


def choose_frames(ranges: Sequence[MediaRange], stored_syntax_uid: str) -> FrameFormat:
    """Pick how frames of `stored_syntax_uid` leave. Raises 406.

    Octet-stream without a transfer syntax means Explicit VR Little Endian
    (PS3.18 8.7.3.3.2); with `*` it means as stored. Native frames always
    leave as Explicit VR Little Endian unless a compressed media type is named: the
    pixels of implicit VR are the same bytes, and those of big endian are swapped.

    Frames that were compressed with loss are decoded where octet-stream is asked for:
    PS3.18 8.7.3.3 then allows another answer than Explicit VR Little Endian, and
    demands none; Lossy Image Compression in the metadata tells of the loss.
    """
    native = stored_syntax_uid in NATIVE_SYNTAXES
    stored_types = _FRAME_TYPES.get(stored_syntax_uid, (OCTET_STREAM,))
    for media in ranges:
        found = (
            _native_form(media, stored_syntax_uid)
            if native
            else _coded_form(media, stored_syntax_uid, stored_types)
        )
        found = found or _encoded(media)
        if found is not None:
            return found
    raise not_acceptable(
        f"The frames are stored as {UID(stored_syntax_uid).name} and cannot be sent"
        " as the Accept header asks.",
        'Accept multipart/related; type="application/octet-stream"; transfer-syntax=*.',
        [
            f'{MULTIPART_RELATED}; type="{media_type}"; transfer-syntax=*'
            for media_type in dict.fromkeys((OCTET_STREAM, *stored_types))
        ]
        + [f'{MULTIPART_RELATED}; type="{media_type}"' for media_type in _ENCODED_TYPES],
    )


def _is_multipart(media: MediaRange) -> bool:
    """A bare */* is what browsers and curl send; the standard's default is multipart."""
    return media.multipart or media.media_type == "*/*"


def _native_form(media: MediaRange, stored_syntax_uid: str) -> FrameFormat | None:
    known = ("", "*", str(ExplicitVRLittleEndian), stored_syntax_uid)
    if media.covers(OCTET_STREAM) and media.transfer_syntax in known:
        little = str(ExplicitVRLittleEndian)
        return FrameFormat(OCTET_STREAM, little, decode=False, multipart=_is_multipart(media))
    return None


def _coded_form(
    media: MediaRange, stored_syntax_uid: str, stored_types: tuple[str, ...]
) -> FrameFormat | None:
    """As stored, or decoded to octets."""
    multipart, wanted = _is_multipart(media), media.transfer_syntax
    little = str(ExplicitVRLittleEndian)
    as_stored = wanted in ("*", stored_syntax_uid)
    is_octets = media.media_type == OCTET_STREAM
    if is_octets and as_stored:
        return FrameFormat(OCTET_STREAM, stored_syntax_uid, False, multipart)
    if (is_octets and wanted in ("", little)) or (media.media_type == "*/*" and wanted == little):
        return FrameFormat(OCTET_STREAM, little, decode=True, multipart=multipart)
    if not is_octets and (wanted == "" or as_stored):
        for stored_type in stored_types:
            if media.covers(stored_type):
                return FrameFormat(stored_type, stored_syntax_uid, False, multipart)
    return None


def _encoded(media: MediaRange) -> FrameFormat | None:
    """Frames in a compressed media type that is named; nobody gets them by a wildcard."""
    syntax = _ENCODED_TYPES.get(media.media_type)
    if media.media_type == OCTET_STREAM and media.transfer_syntax in _ENCODED_TYPES.values():
        syntax = media.transfer_syntax
    if syntax is None or media.transfer_syntax not in ("", syntax):
        return None
    return FrameFormat(media.media_type, syntax, decode=True, multipart=media.multipart)
