"""Pictures of what was found in single images, for readers that show neither SEG, SR nor GSPS."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.uid import UID

from inference.calibration.decision import calibration_of
from inference.imaging.headers import patient_orientation
from inference.imaging.heat_pixels import on_pixels
from inference.imaging.shutters import open_part, shutter_of
from inference.pipeline import Classification, ImageResult, Measurement, Pipeline
from inference.result_identity import image_object_uid
from inference.results.narrative import as_dicom_text, note_of, shown_value
from inference.results.pictures.caption import Letters, Line, captioned
from inference.results.pictures.render import overlaid_plane
from inference.results.single_images.references import shown_frame
from storage.core.entities import Job
from storage.core.findings import Finding

_SHORTER_SIDE_PIXELS = 512
_LONGER_SIDE_PIXELS = 2048
_OPPOSITE = dict(zip("LRAPHF", "RLPAFH", strict=True))
_HEAT_ALPHA = 0.45
_WHITE = (255, 255, 255)
_MARK = 6
"""Half the arm of a cross at a point, in pixels of the picture."""


def draw_image(
    source: Dataset, image: ImageResult, findings: Sequence[Finding], footer: str
) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with its segments, boxes and heat, and below it a line for each finding.

    Pixels are made square. `footer`: whose result it is, and that it is not verified.
    """
    masks = [image.shown_mask(index) for index in range(len(image.segments))]
    rgb, _ = overlaid_plane(_rgb(image), masks, image.segments)
    heated = image.heated
    if heated is not None and heated.heat_map is not None:
        heat = on_pixels(heated.heat_map, *rgb.shape[:2])
        # Behind the shutter nothing is shown that could speak for anything.
        shutter = shutter_of(source, (image.shown_frame_number or 1) - 1)
        rgb = _heated(rgb, np.where(open_part(shutter, *heat.shape), heat, np.float32(0)))
    aspect = calibration_of(source, image.shown_frame_number or 1).aspect
    canvas, scale_x, scale_y = _to_look_at(rgb, aspect)
    draw = ImageDraw.Draw(canvas)
    for box in image.boxes:
        if box.frame_number in (None, image.shown_frame_number):
            corners = [(x * scale_x, y * scale_y) for x, y in (*box.corners, box.corners[0])]
            if len(box.corners) == 1:
                x, y = corners[0]
                draw.line([(x - _MARK, y), (x + _MARK, y)], fill=box.color_rgb, width=2)
                draw.line([(x, y - _MARK), (x, y + _MARK)], fill=box.color_rgb, width=2)
                continue
            draw.line(corners, fill=box.color_rgb, width=2)
    lines = [
        Line(f"{one.label}: {shown_value(one)}".rstrip(": "), _color(one, image))
        for one in findings
    ]
    if heated is not None:
        lines.append(Line(_heat_line(heated), (255, 0, 0)))
    drawn = captioned(canvas, _letters(source, image), lines, footer)
    return drawn, tuple(line.text for line in lines)


def encode_picture(
    job: Job,
    pipeline: Pipeline,
    source: Dataset,
    image: ImageResult,
    findings: Sequence[Finding],
    number: int,
) -> Dataset:
    """The picture as a secondary capture (PS3.3 A.8.1), in a series of its own with the others."""
    footer = f"{note_of(pipeline)} {pipeline.name} {pipeline.version}"
    drawn, lines = draw_image(source, image, findings, footer)
    (_, right), (_, bottom) = _letters(source, image)
    # A trial draws, and writes no objects.
    from inference.results.pictures.sc import secondary_capture, source_reference

    capture = secondary_capture(
        job,
        pipeline,
        source,
        "SC",
        np.asarray(drawn),
        None,
        (right, bottom) if right and bottom else None,
    )
    uid = UID(image_object_uid(job, "SC", image.sop_instance_uid))
    capture.SOPInstanceUID = capture.file_meta.MediaStorageSOPInstanceUID = uid
    capture.InstanceNumber = number
    capture.LossyImageCompression = "00"
    capture.DerivationDescription = f"{pipeline.name} {pipeline.version}"[:1024]
    # LT holds 10,240 characters.
    capture.ImageComments = as_dicom_text("\r\n".join((note_of(pipeline), *lines)))[:10_240]
    capture.SourceImageSequence = [source_reference(source, shown_frame(source, image))]
    return capture


def _rgb(image: ImageResult) -> NDArray[np.float32]:
    shown = image.shown.astype(np.float32)
    return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown


def _heat_line(answer: Classification | Measurement) -> str:
    if answer.heat_map is not None and answer.heat_map.method == "model":
        return f"Red: {answer.heat_map.meaning} ({answer.label}, as the model gives it)"
    return f"Red: what speaks for {answer.label} (falls when made black)"


def _heated(rgb: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Red where a part speaks for the label; nothing where it does not, or speaks against it."""
    heat = np.nan_to_num(heat)
    highest = float(heat.max())
    if highest <= 0:
        return rgb
    alpha = (np.clip(heat / highest, 0, 1) * _HEAT_ALPHA)[..., None]
    red = np.array((255, 0, 0), np.float32)
    mixed: NDArray[np.uint8] = np.rint(rgb * (1 - alpha) + red * alpha).astype(np.uint8)
    return mixed


def _to_look_at(
    rgb: NDArray[np.uint8], aspect: tuple[float, float]
) -> tuple[Image.Image, float, float]:
    """With square pixels, neither tiny nor huge; and how many of them a pixel of the source is."""
    rows, columns = rgb.shape[:2]
    height, width = rows * aspect[0], columns * aspect[1]
    scale = max(1.0 / min(aspect), _SHORTER_SIDE_PIXELS / min(height, width))
    scale = min(scale, _LONGER_SIDE_PIXELS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)
    return canvas, size[0] / columns, size[1] / rows


def _letters(source: Dataset, image: ImageResult) -> Letters:
    """Where rows and columns begin and end, by Patient Orientation; empty where it is missing."""
    stated = patient_orientation(source, image.shown_frame_number or 1)
    if len(stated) != 2 or any(one not in _OPPOSITE for one in stated):
        return ("", ""), ("", "")
    row, column = stated
    return (_OPPOSITE[row], row), (_OPPOSITE[column], column)


def _color(finding: Finding, image: ImageResult) -> tuple[int, int, int]:
    if finding.segmentation is not None:
        return finding.segmentation.color_rgb
    for box in image.boxes:
        if finding.label in (box.label, box.measurement and box.measurement.label):
            return box.color_rgb
    return _WHITE
