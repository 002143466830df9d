"""How the change of a number since the patient's prior is named in a report."""

from storage.entities import Code

CHANGE = Code("125314", "DCM", "Fractional Change")
CHANGE_PER_YEAR = Code("change-per-year", "99MEDIVIEW", "Fractional change per year")
PERCENT = Code("%", "UCUM", "percent")
PERCENT_PER_YEAR = Code("%/a", "UCUM", "percent per year")
PRIOR_REPORT = Code("122075", "DCM", "Prior report for current patient")
STUDY_DATE = Code("111060", "DCM", "Study Date")
