"""How shapes and quantities are named in a report, so that Cornerstone and OHIF draw them again."""

from inference.annotations.drawing import Quantity, Shape
from storage.core.findings import Code

TRACKING_PREFIX = "Cornerstone3DTools@^0.1.0:"
"""What `@cornerstonejs/adapters` puts before the name of its tool in a Tracking Identifier."""
AXIS_DIFFERENCE = "MediViewAI:AxisDifference"
"""A line over axes that are no lengths: under the name of a length tool others would call it mm."""
TOOLS: dict[Shape, str] = {
    "LENGTH": "Length",
    "BIDIRECTIONAL": "Bidirectional",
    "ANGLE": "Angle",
    "COBB_ANGLE": "CobbAngle",
    "LINES_ANGLE": "AngleBetweenLines",
    "ELLIPSE": "EllipticalROI",
    "CIRCLE": "CircleROI",
    "RECTANGLE": "RectangleROI",
    "FREEHAND": "PlanarFreehandROI",
    "POINT": "Probe",
    "ARROW": "ArrowAnnotate",
    "TEXT": "Label",
    "VERTEBRA": "SpineLabel",
}
SHAPE_OF_TOOL: dict[str, Shape] = {tool: shape for shape, tool in TOOLS.items()}

# The adapters recognise some of these by their meaning, upper and lower case included.
QUANTITIES: dict[Quantity, Code] = {
    "length": Code("410668003", "SCT", "Length"),
    "long_axis": Code("103339001", "SCT", "Long Axis"),
    "short_axis": Code("103340004", "SCT", "Short Axis"),
    "angle": Code("1483009", "SCT", "Angle"),
    "area": Code("42798000", "SCT", "Area"),
    "perimeter": Code("131191004", "SCT", "Perimeter"),
    "radius": Code("131190003", "SCT", "Radius"),
    "mean": Code("373098007", "SCT", "Mean"),
    "standard_deviation": Code("386136009", "SCT", "Standard Deviation"),
    "minimum": Code("255605001", "SCT", "Minimum"),
    "maximum": Code("56851009", "SCT", "Maximum"),
    "value": Code("111010", "DCM", "Center"),
    # Along the axes of an M-mode or a spectrum.
    "time": Code("110858", "DCM", "Time"),
    "distance": Code("121206", "DCM", "Distance"),
    "velocity": Code("VELOCITY", "99MEDIVIEW", "Velocity along the axis"),
    "frequency": Code("FREQUENCY", "99MEDIVIEW", "Frequency along the axis"),
    "difference": Code("DIFFERENCE", "99MEDIVIEW", "Difference along the axis"),
}
COBB_ANGLE = Code("285285000", "SCT", "Cobb angle")
# SNOMED RT, as in reports from before 2016 (PS3.16 Annex O.4 has the codes that replaced these).
_OF_SNOMED_RT: dict[str, Quantity] = {
    "G-D7FE": "length",
    "G-A185": "long_axis",
    "G-A186": "short_axis",
    "G-A160": "angle",
    "G-A166": "area",
    "G-A197": "perimeter",
    "G-A196": "radius",
    "R-00317": "mean",
    "R-10047": "standard_deviation",
    "R-404FB": "minimum",
    "G-A437": "maximum",
}
QUANTITY_OF_CODE: dict[str, Quantity] = {
    **{code.value: quantity for quantity, code in QUANTITIES.items()},
    **_OF_SNOMED_RT,
    COBB_ANGLE.value: "angle",
}
UNITS = {
    "mm": "millimeter",
    "mm2": "square millimeter",
    "deg": "degree",
    "{pixels}": "pixels",
    "{pixels}2": "square pixels",
    "[hnsf'U]": "Hounsfield unit",
    "1": "no units",
    "s": "second",
    "Hz": "hertz",
    "cm/s": "centimeter per second",
    "%": "percent",
    "dB": "decibel",
    "dB/s": "decibel per second",
    "cm2": "square centimeter",
    "cm2/s": "square centimeter per second",
    "cm3": "cubic centimeter",
    "cm3/s": "cubic centimeter per second",
    # What values of PET are in (PS3.16 CID 84).
    "g/ml{SUVbw}": "Standardized Uptake Value body weight",
    "g/ml{SUVlbm}": "Standardized Uptake Value lean body mass (James)",
    "g/ml{SUVibw}": "Standardized Uptake Value ideal body weight",
    "cm2/ml{SUVbsa}": "Standardized Uptake Value body surface area",
    "Bq/ml": "Becquerels/milliliter",
    "{counts}": "Counts",
    "{counts}/s": "Counts per second",
    "{propcounts}": "Proportional to counts",
    "{propcounts}/s": "Proportional to counts per second",
    "cm2/ml": "Centimeter**2/milliliter",
    "ml/g": "Milliliter/gram",
    "ml/min/g": "Milliliter/minute/gram",
    "mg/min/ml": "Milligrams/minute/milliliter",
    "umol/ml": "Micromole/milliliter",
    "umol/min/ml": "Micromole/minute/milliliter",
    "/cm": "/Centimeter",
}

MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING = Code("121071", "DCM", "Finding")
DERIVATION = Code("121401", "DCM", "Derivation")
COMMENT = Code("121106", "DCM", "Comment")
PRESENCE = Code("705057003", "SCT", "Presence")
ABSENT = "2667000"
"""SNOMED CT."""
TAKEN_OVER_FROM = Code("TAKENOVERFROM", "99MEDIVIEW", "Measurement taken over from")
SUV_CAVEAT = Code("SUVCAVEAT", "99MEDIVIEW", "Doubts about the standardized uptake value")
CALIBRATION = Code("122505", "DCM", "Calibration")
FREE_TEXT = "CORNERSTONEFREETEXT"
FREE_TEXT_SCHEME = "CORNERSTONEJS"
