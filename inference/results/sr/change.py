"""How a report names changes since the prior, what a model calls the images, and truncation."""

from storage.core.findings import Code

CHANGE = Code("125314", "DCM", "Fractional Change")
CHANGE_PER_YEAR = Code("change-per-year", "99MEDIVIEW", "Fractional change per year")
PERCENT = Code("%", "UCUM", "percent")
PERCENT_PER_YEAR = Code("%/a", "UCUM", "percent per year")
PRIOR_REPORT = Code("122075", "DCM", "Prior report for current patient")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")
CLASSIFICATION = Code("classification", "99MEDIVIEW", "Image classification")
QUALITY = Code("111052", "DCM", "Quality Finding")
TRUNCATED = Code("130576", "DCM", "Anatomy coverage incomplete")
IMPLAUSIBLE = Code("IMPLAUSIBLE", "99MEDIVIEW", "Result of segmentation not plausible")
COMMENT = Code("121106", "DCM", "Comment")
STUDY_DATE = Code("111060", "DCM", "Study Date")
STUDY_TIME = Code("111061", "DCM", "Study Time")
UPPER_UNCERTAINTY = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY = Code("371885007", "SCT", "-, range of lower measurement uncertainty")
