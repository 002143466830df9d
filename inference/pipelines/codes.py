"""Codes and units that several pipelines measure in."""

from storage.core.findings import Code

ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
VOLUME = Code("118565006", "SCT", "Volume")
CM3 = Code("cm3", "UCUM", "cubic centimeter")
PERCENT = Code("%", "UCUM", "percent")
MM3_IN_CM3 = 1000.0
