"""Modalities (PS3.3 C.7.3.1.1.1) of series that show nothing by themselves."""

MADE_OF_IMAGES = frozenset(
    {"SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "FID", "PLAN"}
)
"""What is made from images, or about them: results, reports, presentation states, plans."""

WITHOUT_IMAGES = (MADE_OF_IMAGES - {"RTDOSE"}) | {"RTRECORD", "AU"}
"""What no pipeline measures, for there is nothing to measure; a dose has pixels."""
