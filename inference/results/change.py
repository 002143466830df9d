"""How a report names changes since the prior, and what a model calls the images."""

from storage.entities import Code

CHANGE = Code("125314", "DCM", "Fractional Change")
CHANGE_PER_YEAR = Code("change-per-year", "99MEDIVIEW", "Fractional change per year")
PERCENT = Code("%", "UCUM", "percent")
PERCENT_PER_YEAR = Code("%/a", "UCUM", "percent per year")
PRIOR_REPORT = Code("122075", "DCM", "Prior report for current patient")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")
CLASSIFICATION = Code("classification", "99MEDIVIEW", "Image classification")
STUDY_DATE = Code("111060", "DCM", "Study Date")
