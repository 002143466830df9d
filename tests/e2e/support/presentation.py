"""Presentation states as a workstation would leave them, written by highdicom."""

from io import BytesIO

import highdicom as hd
import numpy as np
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from pydicom.dataset import Dataset

# Column and row of the corners of a box, the first pixel's corner at 0, 0.
BOX = (10.0, 6.0, 18.0, 12.0)
CENTER, WIDTH = 700.0, 300.0


def turned_state(images: list[Dataset]) -> bytes:
    """Over `images`: window, inverted, turned and mirrored; a box on the first one alone."""
    layer = GraphicLayer("BOXES", order=1)
    left, top, right, bottom = BOX
    around = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    annotation = GraphicAnnotation(
        referenced_images=images[:1],
        graphic_layer=layer,
        graphic_objects=[GraphicObject("POLYLINE", around, units="PIXEL")],
        text_objects=[TextObject("In the corner", "DISPLAY", bounding_box=(0.6, 0.9, 0.98, 0.98))],
    )
    state = GrayscaleSoftcopyPresentationState(
        referenced_images=images,
        series_instance_uid=hd.UID(),
        series_number=77,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Tests",
        manufacturer_model_name="Tests",
        software_versions="1",
        device_serial_number="1",
        content_label="TURNED",
        content_description="Box on its side",
        content_creator_name="Reader^Ann",
        graphic_layers=[layer],
        graphic_annotations=[annotation],
        voi_lut_transformations=[SoftcopyVOILUTTransformation(CENTER, WIDTH)],
        presentation_lut_transformation=hd.PresentationLUTTransformation("INVERSE"),
    )
    state.ImageRotation = 90
    state.ImageHorizontalFlip = "Y"
    state.ShutterShape = "CIRCULAR"
    state.CenterOfCircularShutter = [15, 20]
    state.RadiusOfCircularShutter = 12
    state.ShutterPresentationValue = 0
    buffer = BytesIO()
    state.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
