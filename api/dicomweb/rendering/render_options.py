"""What a request for a rendered resource asks for (PS3.18 8.3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.dicomweb.rendering.viewport import Viewport, parse_quality, parse_viewport, parse_window
from inference.imaging.grayscale import Window
from storage.core.errors import InvalidRequest

ANNOTATIONS = ("patient", "technique")
PROFILES = ("no", "yes", "srgb")


@dataclass(frozen=True)
class RenderOptions:
    media_type: str
    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = 90
    annotations: frozenset[str] = frozenset()
    """What is written into the picture: some of `ANNOTATIONS`."""
    profile: str = "no"
    """The colour profile that the picture carries: one of `PROFILES`."""


def parse_options(query: Mapping[str, str], media_type: str) -> RenderOptions:
    """Read the query. Raises InvalidRequest."""
    return RenderOptions(
        media_type,
        parse_window(query["window"]) if "window" in query else None,
        parse_viewport(query["viewport"]) if "viewport" in query else None,
        parse_quality(query.get("quality", "90")),
        parse_annotations(query.get("annotation", "")),
        _profile(query.get("iccprofile", "no")),
    )


def parse_annotations(text: str) -> frozenset[str]:
    """Some of `ANNOTATIONS`, with commas between them. Raises InvalidRequest."""
    asked = frozenset(piece.strip().lower() for piece in text.split(",") if piece.strip())
    if not asked <= frozenset(ANNOTATIONS):
        raise InvalidRequest(
            "The annotation has a value that is not supported.",
            remedy=f"Write annotation={','.join(ANNOTATIONS)}, or one of them.",
        )
    return asked


def _profile(text: str) -> str:
    profile = text.strip().lower()
    if profile not in PROFILES:
        raise InvalidRequest(
            "The ICC profile is none that pictures can be brought into here.",
            remedy=f"Write iccprofile= and one of {', '.join(PROFILES)}.",
        )
    return profile
