"""People, places, dates and numbers leave letters and reports by what stands around them."""

import time

import pytest

from inference.language.deid import deidentified
from storage.settings import Settings


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Sehr geehrter Herr Kollege Dr. Zwettler, wir danken.", ["Zwettler"]),
        ("Prof. Dr. E. Brandt, Oberarzt Yilmaz", ["Brandt", "Yilmaz"]),
        ("Zuweiser: Dr. Wollnik / Dr. Mehrabi", ["Wollnik", "Mehrabi"]),
        ("Tochter: Edeltraud, Tel. 0171-4403928", ["Edeltraud", "4403928"]),
        ("Patient Huber Alois, *12.3.1951, aus Traunstein",
         ["Huber", "Alois", "1951", "Traunstein"]),
        ("Operateurin: Fr. OÄ Dr. Lindqvist-Sauer", ["Lindqvist", "Sauer"]),
        ("wohnhaft Birkenweg 14a, 84028 Landshut", ["Birkenweg", "84028", "Landshut"]),
        ("verlegt in das Klinikum Rechts der Vils am 24.XI.2021", ["Vils", "XI"]),
        ("Herzschrittmacher Seriennummer RNF551203K", ["RNF551203K"]),
        ("Rücksprache am 3.11. um 9 Uhr mit Kollegin Morgenroth", ["3.11", "Morgenroth"]),
        ("We saw Harold Binstead of 9 Larch Close, Wexcombe, on 6 March.",
         ["Harold", "Binstead", "Larch", "Wexcombe", "March"]),
        ("PATIENT: OKONKWO, PETER   DOB: 02-Nov-1961", ["OKONKWO", "PETER", "Nov", "1961"]),
        ("Discussed with PA Halvorsen at the Brackenhurst Infirmary in June 2020.",
         ["Halvorsen", "Brackenhurst", "June"]),
        ("His wife Bogusława reports a fall. Yesterday Bogusława called again.", ["Bogusława"]),
        ("Yours sincerely, T. R. Oyelaran, consultant", ["Oyelaran"]),
        ("Passport K44Z10P82, licence plate 4TRB 815, pager 60418", ["K44Z10P82", "4TRB", "60418"]),
        ("Stent lot number 31B06-7728; pump S/N QX7-41-30562", ["31B06", "30562"]),
        ("The patient from Dunmore Springs walked in.", ["Dunmore", "Springs"]),
    ],
)  # fmt: skip
def test_what_stands_around_a_name_or_number_tells_it(text: str, gone: list[str]) -> None:
    without = deidentified(Settings(), text, {})["text"]
    assert [one for one in gone if one in without] == []


@pytest.mark.parametrize(
    "text",
    [
        "Colles fracture, Kerley B lines and Barrett esophagus; Gleason 4+3, SUVmax 11.4.",
        "Schmorl nodes at T12. Modic type 2 changes. Hounsfield units of the adrenal: 8 HU.",
        "Morbus Basedow, Baker-Zyste 32 x 11 mm, Le-Fort-II-Fraktur, Virchow-Lymphknoten.",
        "The superior mesenteric artery is occluded. Right Lower Lobe: 7 mm nodule in Segment 6.",
        "Der Pfortaderstamm ist auf 1,4 cm aufgeweitet, die Milz misst 11.4. Keine Aszites.",
        "A. carotis interna links, V. femoralis rechts; LWK 1 um 50 % erniedrigt.",
        "PA Chest radiograph. In Rechtsseitenlage Spiegelbildung.",
    ],
)
def test_eponyms_measurements_and_anatomy_stay(text: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == text


def test_a_long_text_is_read_in_seconds() -> None:
    text = "Herr Dr. Adam Xylander aus Hof sah 12 Bilder, A. B. Cc. Am Hang 3, St. Ab Cd Ef. " * 500
    started = time.thread_time()
    deidentified(Settings(), text, {})
    assert time.thread_time() - started < 10


@pytest.mark.parametrize("piece", ["A", "Ab ", "A. ", "1-", "1 ", "St. ", "al-", "Dr. ", "(1) "])
def test_repetitions_made_to_delay_do_not(piece: str) -> None:
    started = time.thread_time()
    deidentified(Settings(), piece * (20_000 // len(piece)), {})
    assert time.thread_time() - started < 5
