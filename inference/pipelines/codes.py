"""Codes and units that several pipelines measure in."""

from storage.core.findings import Code

ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
CM3 = Code("cm3", "UCUM", "cubic centimeter")
PERCENT = Code("%", "UCUM", "percent")
SHARE_OF_IMAGE = Code("IMAGESHARE", "99MEDIVIEW", "Share of the image's area")
FALL_WITHOUT_IMAGE = Code(
    "IMAGEFALL", "99MEDIVIEW", "Fall of the probability where the image is hidden"
)
MM3_IN_CM3 = 1000.0
