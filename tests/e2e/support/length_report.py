"""A length that someone measured on one image, as viewers write it (TID 1500 with TID 1501)."""

from io import BytesIO

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes


def length_report(image: pydicom.Dataset, length_mm: float) -> bytes:
    """A part 10 SR with one line along the middle row of `image`."""
    tracking = hd.sr.TrackingIdentifier(uid=hd.UID(), identifier="Cornerstone3DTools@^0.1.0:Length")
    half = length_mm / float(image.PixelSpacing[1]) / 2
    row, column = image.Rows / 2, image.Columns / 2
    line = hd.sr.CoordinatesForMeasurement(
        graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
        graphic_data=np.array([[column - half, row], [column + half, row]]),
        source_image=hd.sr.SourceImageForMeasurement.from_source_image(image),
    )
    measured = hd.sr.Measurement(
        name=codes.SCT.Length,
        value=length_mm,
        unit=codes.UCUM.Millimeter,
        tracking_identifier=tracking,
        referenced_coordinates=[line],
    )
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        finding_type=CodedConcept("CORNERSTONEFREETEXT", "CORNERSTONEJS", "Middle of the head"),
        measurements=[measured],
    )
    observer = hd.sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes("Reader^Test"),
    )
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_person_context=observer),
        procedure_reported=codes.LN.MRIUnspecifiedBodyRegion,
        imaging_measurements=[group],
    )
    document = hd.sr.ComprehensiveSR(
        evidence=[image],
        content=report,
        series_number=900,
        series_instance_uid=hd.UID(),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Tests",
        series_description="Lengths",
        is_complete=True,
    )
    buffer = BytesIO()
    document.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
