"""One frame as a picture: display values, placed, annotated, in the colours asked for."""

from functools import lru_cache
from io import BytesIO
from typing import Any

from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from api.dicomweb.rendering.render_options import RenderOptions
from api.dicomweb.rendering.viewport import placed, proportions
from inference.imaging.grayscale import display_values, frame_transforms
from inference.imaging.shutters import open_part, shutter_grey, shutter_of

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
PICTURES = tuple(_FORMATS)
_MAX_LINE = 60
IN_NO_GIF = "The picture has no colour profile: GIF and MP4 hold none."


def make_picture(
    array: NDArray[Any], header: Dataset, index: int, options: RenderOptions
) -> Image.Image:
    """Of one decoded frame. Raises InvalidRequest for a viewport outside the image."""
    transforms = frame_transforms(header, index)
    shutter = shutter_of(header, index)
    shown = open_part(shutter, *array.shape[:2]) if shutter.get("ShutterShape") else None
    if shown is not None and (shown.all() or not shown.any()):
        # Nothing is behind it, or all: one that hides the whole image is a mistake.
        shown = None
    values = display_values(array, header, transforms, options.window, shown)
    if shown is not None:
        values[~shown] = shutter_grey(shutter)
    picture = Image.fromarray(values)
    if options.profile == "srgb":
        picture = _in_srgb(picture, header)
    if options.viewport is not None:
        picture = placed(picture, options.viewport, proportions(header, index))
    if options.annotations:
        picture = _annotated(picture, header, options, index)
    return picture


def encode(picture: Image.Image, header: Dataset, options: RenderOptions) -> tuple[bytes, str]:
    """The image file, and why it lacks the colour profile that was asked for, if it does."""
    how: dict[str, Any] = {}
    if options.media_type == "image/jpeg":
        how = {"quality": options.quality}
    elif options.media_type == "image/png":
        how = {"compress_level": 3}
    profile, lacking = _profile_of(picture, header, options)
    if profile:
        how["icc_profile"] = profile
    buffer = BytesIO()
    picture.save(buffer, _FORMATS[options.media_type], **how)
    return buffer.getvalue(), lacking


def _profile_of(picture: Image.Image, header: Dataset, options: RenderOptions) -> tuple[bytes, str]:
    """Of colour; grey has none (PS3.18 8.3.5.1.5). With it, why one that was asked for lacks."""
    if picture.mode != "RGB" or options.profile == "no":
        return b"", ""
    if options.media_type == "image/gif":
        return b"", IN_NO_GIF
    stored = _stored_profile(header)
    if stored and not _is_readable(stored):
        return b"", "The picture has no colour profile: the one that is stored cannot be read."
    return (stored if options.profile == "yes" and stored else _srgb()), ""


def _stored_profile(header: Dataset) -> bytes:
    """As the image says of itself, or its first optical path."""
    paths = header.get("OpticalPathSequence") or []
    for dataset in (header, *paths[:1]):
        profile = dataset.get("ICCProfile")
        if isinstance(profile, bytes) and profile:
            return profile
    return b""


@lru_cache(maxsize=4)
def _is_readable(profile: bytes) -> bool:
    """Whether it is a profile of RGB, which colour is here."""
    try:
        return ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space.strip() == "RGB"
    except (ImageCms.PyCMSError, OSError):
        return False


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _in_srgb(picture: Image.Image, header: Dataset) -> Image.Image:
    profile = _stored_profile(header)
    if picture.mode != "RGB" or not profile:
        return picture
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(BytesIO(profile)), BytesIO(_srgb())
        )
    except (ImageCms.PyCMSError, OSError):
        # A profile that is none: the colours are taken for what they mostly are.
        return picture
    return converted or picture


def _annotated(
    picture: Image.Image, header: Dataset, options: RenderOptions, index: int
) -> Image.Image:
    """White with a dark edge, so that it reads on anything."""
    picture = picture.convert("RGB") if picture.mode not in ("L", "RGB") else picture
    size = max(9, min(picture.size) // 28)
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture)
    white, black = (255, 0) if picture.mode == "L" else ((255,) * 3, (0,) * 3)
    margin = size // 2

    def write(lines: list[str], *, bottom: bool) -> None:
        text = "\n".join(line[:_MAX_LINE] for line in lines if line.strip())
        if not text:
            return
        spot = (margin, picture.height - margin if bottom else margin)
        anchor = "ld" if bottom else "la"
        draw.multiline_text(
            spot, text, fill=white, font=font, anchor=anchor, stroke_width=1, stroke_fill=black
        )

    if "patient" in options.annotations:
        write(_patient_lines(header), bottom=False)
    if "technique" in options.annotations:
        write(_technique_lines(header, options, index), bottom=True)
    return picture


def _patient_lines(header: Dataset) -> list[str]:
    name = str(header.get("PatientName") or "").partition("=")[0]
    return [
        " ".join(name.replace("^", " ").split()),
        f"{header.get('PatientID') or ''}",
        f"{header.get('PatientBirthDate') or ''} {header.get('PatientSex') or ''}",
        f"{header.get('StudyDate') or ''} {header.get('AccessionNumber') or ''}",
    ]


def _technique_lines(header: Dataset, options: RenderOptions, index: int) -> list[str]:
    place = (
        f"Series {header.get('SeriesNumber') or '?'} image {header.get('InstanceNumber') or '?'}"
    )
    if int(header.get("NumberOfFrames") or 1) > 1:
        place += f" frame {index + 1}"
    lines = [f"{header.get('Modality') or ''} {header.get('SeriesDescription') or ''}", place]
    for keyword, name, unit in (
        ("KVP", "", "kV"),
        ("SliceThickness", "Thickness", "mm"),
        ("RepetitionTime", "TR", "ms"),
        ("EchoTime", "TE", "ms"),
    ):
        value = header.get(keyword)
        if value not in (None, ""):
            lines.append(f"{name} {value} {unit}".strip())
    if options.window is not None:
        lines.append(f"C {options.window.center:g} W {options.window.width:g}")
    return lines
