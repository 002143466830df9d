"""Ages of ninety and more and dates without a year leave texts, and levels and ratios stay."""

import pytest

from inference.language.deid import deidentified
from storage.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 92 y/o lady.", "A [AGE] lady."),
        ("Der 97-jährige Herr stürzte.", "Der [AGE]-jährige Herr stürzte."),
        ("aged 104, lives alone", "aged [AGE], lives alone"),
        ("Alter: 91", "Alter: [AGE]"),
        ("she is ninety six years old", "she is [AGE] years old"),
        ("die dreiundneunzigjährige Dame", "die [AGE]jährige Dame"),
        ("im 95. Lebensjahr", "im [AGE]. Lebensjahr"),
        ("Aufnahme 4.7., Entlassung 9.7. um 14.30 Uhr",
         "Aufnahme [DATE], Entlassung [DATE] um [DATE]"),
        ("CT vom 12.5.2025, 16:41 unverändert", "CT vom [DATE], [DATE] unverändert"),
        ("seen on 23/8 and on Thursday 4th", "seen on [DATE] and on [DATE]"),
        ("compared with 02/24 and 17.iv.2019", "compared with [DATE] and [DATE]"),
        ("the scan of june eleventh nineteen ninety nine", "the scan of [DATE]"),
        ("am Freitag, den 8.8. erneut", "am [DATE] erneut"),
        ("date O2/l7/2O23 as scanned", "date [DATE] as scanned"),
        ("2023-02-11T08:15:00+01:00 stored", "[DATE] stored"),
        ("Sturz im Oktober, Kontrolle seit März", "Sturz im [DATE], Kontrolle seit [DATE]"),
    ],
)  # fmt: skip
def test_old_ages_and_partial_dates_are_replaced(text: str, expected: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "C5/6, L4/5, Th12/L1, muscle strength 4/5, murmur 3/6, BP 120/80, PERRL 3/3.",
        "Sinemet 25/100, Ramipril 5 mg 1-0-1, sats 95%, 98 mm, SUV 9.4. Keine Aszites.",
        "An 89-year-old man, 64-jährig, HR 92, 94 ml, 91 %.",
        "Herd 14 x 11 mm, Segment 7/8, Gleason 3+4, 7. Rippe, the 3rd ventricle.",
        "She may use 3 tablets; the second toe; for 95 seconds.",
    ],
)
def test_what_only_looks_like_a_date_or_age_stays(text: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == text
