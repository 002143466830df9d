"""Layouts that an answer must see: cells that touch, boxes, questionnaires, labels over values."""

import pytest

from inference.language.documents.pairing.asking import read_asked
from inference.language.documents.pairing.matching import names
from tests.inference.language.documents.pages import first, page_of, scan_of, table


def test_options_stand_behind_their_boxes_in_cells_of_their_own() -> None:
    page = page_of(
        table(
            60,
            (60, 260, 340),
            ("Diabetes", "☒ Yes", "☐ No"),
            ("Asthma", "☐ Yes", "☒ No"),
            ("Earlier reaction to contrast?", "☐ Yes", "☒ No"),
            ("Volume", "85 ml", ""),
        )
    )
    assert first(page, "Is the patient diabetic?") == "Yes"
    assert first(page, "Does she have asthma?") == "No"
    assert first(page, "What volume was injected?") == "85 ml"
    assert not first(page, "Which contrast agent was injected?"), "no is no agent"


def test_cells_that_touch_are_parted_at_their_columns() -> None:
    """ "Metoprolol Beloc-Zok" fills its columns, and a strength has two lines."""
    lefts = (40, 104, 170, 215, 262, 310, 350)
    page = page_of(
        [
            *table(60, lefts, ("Drug", "Brand", "Strength", "Morning", "Noon", "Night", "Reason")),
            (40, 86, "Metoprolol"),
            (99, 86, "Beloc-Zok"),
            (170, 80, "47.5"),
            (170, 91, "mg"),
            *table(86, lefts[3:], ("1", "0", "½", "pressure")),
            *table(112, lefts, ("Torasemid", "Torem", "10 mg", "2", "0", "0", "heart")),
        ]
    )
    assert first(page, "What strength is the metoprolol?") == "47.5 mg"
    assert first(page, "How many tablets of torasemid are taken in the morning?") == "2"
    assert first(page, "What is the reason for metoprolol?") == "pressure"


def test_a_mark_is_in_one_of_two_columns() -> None:
    page = scan_of(
        [
            (60, 60, 12, "Frage"),
            (400, 60, 12, "ja"),
            (460, 60, 12, "nein"),
            (60, 84, 12, "Tragen Sie einen Herzschrittmacher?"),
            (468, 84, 12, "X"),
            (60, 108, 12, "LeidenSie unter Platzangst?"),
            (402, 108, 12, "X"),
        ]
    )
    assert first(page, "Trägt der Patient einen Herzschrittmacher?") == "nein"
    assert first(page, "Hat der Patient Platzangst?") == "ja"


def test_labels_over_values_of_a_scan_are_told_by_size_and_distance() -> None:
    rows = (
        (100, 10, ("Model", "Serial no.")),
        (113, 12, ("Advisa A3", "PVY417220S")),
        (145, 10, ("Hospital", "Implanting physician")),
        (158, 12, ("Queen Maud", "Dr L. Thibault")),
        (190, 10, ("Reaction", "Time")),
        (203, 12, ("none", "13:25")),
    )
    page = scan_of(
        [
            (60, 60, 14, "Implanted device"),
            *(
                (left, top, height, text)
                for top, height, texts in rows
                for left, text in zip((60, 320), texts, strict=True)
            ),
        ]
    )
    assert first(page, "What is the serial number?") == "PVY417220S"
    assert first(page, "What is the model of the device?") == "Advisa A3", "the title names it"
    assert first(page, "Who is the implanting physician?") == "Dr L. Thibault"


def test_a_scan_is_read_without_the_space_behind_a_colon() -> None:
    page = scan_of([(60, 60, 12, "Allergies:latex"), (60, 90, 12, "Anaesthetist:Dr M. Szymanska")])
    assert first(page, "Which allergies are known?") == "latex"
    assert first(page, "Who is the anaesthetist?") == "Dr M. Szymanska"


def test_rows_are_named_by_times_and_columns_by_letters() -> None:
    lefts = (60, 160, 260, 360)
    chart = page_of(
        table(
            60,
            lefts,
            ("Time", "Temp (C)", "Pulse", "SpO2 (%)"),
            ("06:00", "37.1", "84", "97"),
            ("14:00", "38.2", "101", "93"),
        )
    )
    assert first(chart, "What was the temperature at 14:00?") == "38.2"
    assert not first(chart, "What was the pulse at 18:00?")
    bones = page_of(
        table(
            60,
            lefts,
            ("Region", "BMD (g/cm2)", "T-score", "Z-score"),
            ("Lumbar spine", "0.812", "-2.7", "-1.0"),
            ("Total hip", "0.790", "-1.5", "-0.4"),
        )
    )
    assert first(bones, "What is the Z-score of the total hip?") == "-0.4"
    assert first(bones, "What is the T-score of the lumbar spine?") == "-2.7"


def test_a_table_of_one_row_is_named_by_its_heads() -> None:
    page = page_of(
        table(
            60,
            (60, 230, 400),
            ("Emergency contact", "Telephone of contact", "Allergies"),
            ("Sheila Rothwell (wife)", "0115 496 0077", "Penicillin"),
        )
    )
    assert first(page, "What is the patient allergic to?") == "Penicillin"
    assert first(page, "What is the phone number of the emergency contact?") == "0115 496 0077"


def test_a_date_is_of_what_stands_above_it() -> None:
    lines = [
        (60, 60, "An appointment has been made for you to have an MRI of the knee."),
        *table(90, (60, 200), ("Date", "Monday 12 January 2026"), ("Place", "Level 2, East Wing")),
    ]
    assert first(page_of(lines), "When is the appointment?") == "Monday 12 January 2026"
    assert first(page_of(lines), "Where should the patient go?") == "Level 2, East Wing"
    assert not first(page_of(lines), "When was the appendix removed?")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Wie lautet die Hauptdiagnose?", "Akuter Hinterwandinfarkt"),
        ("Welche Dosis Amlodipin nimmt der Patient?", "5 mg"),
        ("Wer hat den Befund freigegeben?", "Dr. Quirin Pölz"),
        ("Wer hat die Untersuchung angefordert?", "Dr. Beatrix Leitgeb"),
        ("Wie hoch ist der Kreatininwert?", "0,98 mg/dl"),
        ("Wie groß ist das Gesamtvolumen?", "20,7 ml"),
        ("Wie hoch ist das Ferritin?", ""),
        ("Wer hat die Patientin operiert?", ""),
    ],
)
def test_what_was_done_and_how_much_names_a_field(question: str, answer: str) -> None:
    page = page_of(
        [
            (60, 60, "Diagnosen: 1. Akuter Hinterwandinfarkt 2. Arterielle Hypertonie"),
            (60, 90, "Amlodipin 5 mg"),
            (200, 90, "1-0-0"),
            (60, 120, "Untersuchung: CT Becken nativ"),
            (60, 140, "Anfordernder Arzt: Dr. Beatrix Leitgeb"),
            (60, 160, "Kreatinin: 0,98 mg/dl"),
            (60, 180, "Gesamtvolumen: 20,7 ml"),
            (60, 200, "Freigegeben durch: Dr. Quirin Pölz"),
        ]
    )
    assert first(page, question) == answer


def test_a_letter_says_how_much_and_when() -> None:
    page = page_of(
        [
            (
                60,
                60,
                "Thank you for seeing this teacher, who has smoked 20 cigarettes a day",
            ),
            (60, 73, "since she was nineteen. I have started apixaban 5 mg twice daily. She will"),
            (
                60,
                86,
                "have a CT coronary angiogram on 6 February, and I shall see her in six months.",
            ),
            (60, 120, "Yours sincerely"),
            (60, 150, "Dr Shanthi Ravindran"),
        ],
        size=9,
    )
    assert first(page, "How much does she smoke?").endswith("20 cigarettes a day")
    assert "5 mg twice daily" in first(page, "What is the dose of apixaban?")
    assert first(page, "When is the CT coronary angiogram?").endswith("6 February,")
    assert first(page, "Who is the referring doctor?") == "Dr Shanthi Ravindran"
    assert not first(page, "What is her cholesterol?")


def test_a_passage_with_some_number_names_nothing() -> None:
    stay = "wir berichten über den Patienten, der sich vom 02.05.2025 bis 09.05.2025 in"
    assert not names(read_asked("Wie groß ist der Patient?"), stay)
    assert names(read_asked("How tall is the patient?"), "She weighs 60 kg; her height is 171 cm")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the left ventricular ejection fraction?", "52 %"),
        ("What is the peak gradient across the aortic valve?", "48 mmHg"),
        ("Wie schwer ist das Kind?", "3480 g"),
        ("What language does the patient speak?", "Portuguese"),
        ("Why was the test stopped?", "leg fatigue"),
        ("Who reported the specimen?", "Dr Fenella Marsh"),
        ("What is the size of the spleen?", "The spleen measures 10.8 cm."),
        ("What is the right ventricular ejection fraction?", ""),
        ("What is the size of the pancreas?", ""),
    ],
)
def test_a_label_is_short_for_what_is_asked(question: str, answer: str) -> None:
    page = page_of(
        [
            *table(
                60,
                (60, 260),
                ("LV ejection fraction", "52 %"),
                ("AV peak gradient", "48 mmHg"),
                ("Geburtsgewicht", "3480 g"),
                ("Preferred language", "Portuguese"),
                ("Reason for stopping", "leg fatigue"),
                ("Reported by", "Dr Fenella Marsh"),
            ),
            (60, 290, "The spleen measures 10.8 cm."),
        ]
    )
    assert first(page, question) == answer


def test_headings_that_follow_each_other_have_their_own_values() -> None:
    page = page_of(
        [
            (60, 200, "Principal diagnosis"),
            (60, 213, "Right-sided pyelonephritis"),
            (60, 226, "Secondary diagnoses"),
            (60, 239, "Migraine"),
            (60, 290, "Drained by Dr J. Castellanos"),
        ]
    )
    assert first(page, "What is the main diagnosis?") == "Right-sided pyelonephritis"
    assert first(page, "Who drained the abscess?") == "Dr J. Castellanos"
