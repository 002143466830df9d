"""A value of something else answers nothing, however near its label and the question are."""

import pytest

from tests.inference.language.documents.pages import first, page_of, table


@pytest.mark.parametrize(
    ("label", "value", "question"),
    [
        ("Tumorgröße", "18 mm", "Wie groß ist der Patient?"),
        ("Milzgewicht", "150 g", "Wie schwer ist der Patient?"),
        ("Milzgewicht", "150 g", "Welches Gewicht hat der Patient?"),
        ("Gewichtsverlust", "5 kg", "Welches Gewicht hat der Patient?"),
        ("Weight loss", "5 kg", "How much does the patient weigh?"),
        ("Spleen weight", "150 g", "How much does the patient weigh?"),
        ("Transferrinsättigung", "22 %", "Wie hoch ist die Sauerstoffsättigung?"),
        ("Transferrinsättigung", "22 %", "Wie hoch ist die Sättigung?"),
        ("Transferrin saturation", "22 %", "What is the oxygen saturation?"),
        ("Raumtemperatur", "21 °C", "Wie hoch ist die Temperatur?"),
        ("Raumtemperatur", "21 °C", "Welche Temperatur hatte der Patient?"),
        ("Room temperature", "21 °C", "What was the patient's temperature?"),
        ("Feldstärke", "1,5 T", "Welche Dosis wurde gegeben?"),
        ("Schichtstärke", "3 mm", "Welche Dosis wurde gegeben?"),
        ("Field strength", "1.5 T", "What was the dose?"),
        ("Gestational age", "31 weeks", "How old is the patient?"),
        ("Pulse pressure", "40 mmHg", "What is the pulse?"),
        (
            "Left ventricular ejection fraction",
            "52 %",
            "What is the right ventricular ejection fraction?",
        ),
        ("Länge der linken Niere", "11 cm", "Wie lang ist die rechte Niere?"),
        ("Diastolic blood pressure", "80 mmHg", "What is the systolic blood pressure?"),
    ],
)
def test_a_number_of_something_else_answers_nothing(label: str, value: str, question: str) -> None:
    page = page_of(table(60, (60, 260), (label, value), ("Ward", "4B")))
    assert not first(page, question)
    assert first(page, "Which ward?") == "4B"


@pytest.mark.parametrize(
    ("label", "value", "question"),
    [
        ("Aufnahmegewicht", "72 kg", "Wie schwer ist der Patient?"),
        ("Geburtsgewicht", "3480 g", "Welches Gewicht hatte das Kind?"),
        ("Körpergewicht (kg)", "72", "Welches Gewicht hat die Patientin?"),
        ("Weight on admission", "72 kg", "How much does the patient weigh?"),
        ("Current weight", "72 kg", "How much does the patient weigh?"),
        ("Blood pressure (left arm, sitting)", "140/80", "What is the blood pressure?"),
        ("Pulse at rest", "64 /min", "What is the pulse?"),
        ("Temperature (°C)", "37.1", "What was the patient's temperature?"),
        ("O2 saturation on room air", "97 %", "What is the saturation?"),
    ],
)
def test_a_number_of_the_patient_says_how_it_was_taken(
    label: str, value: str, question: str
) -> None:
    page = page_of(table(60, (60, 300), (label, value), ("Ward", "4B")))
    assert first(page, question) == value


def test_the_weight_of_today_comes_before_that_at_birth() -> None:
    rows = ("Geburtsgewicht", "3480 g"), ("Gewicht", "12,4 kg"), ("Station", "4B")
    page = page_of(table(60, (60, 260), *rows))
    assert first(page, "Wie schwer ist das Kind?") == "12,4 kg"
    assert first(page, "Wie hoch war das Geburtsgewicht?") == "3480 g"


@pytest.mark.parametrize(
    ("label", "value", "question"),
    [
        ("PE", "yes, 2019", "Is there a pleural effusion?"),
        ("PE", "yes, 2019", "Does the patient have pleural effusions?"),
        ("RA pressure", "8 mmHg", "What is the pressure in the renal artery?"),
        ("MS", "yes", "Is there a midline shift?"),
        ("RA volume", "42 ml", "What is the volume of the right adrenal?"),
        ("AV fistula", "left arm", "Is the aortic valve stenosed?"),
    ],
)
def test_initials_of_the_question_are_no_abbreviation(
    label: str, value: str, question: str
) -> None:
    page = page_of(table(60, (60, 260), (label, value), ("Ward", "4B")))
    assert not first(page, question)


@pytest.mark.parametrize(
    ("label", "question"),
    [
        ("LVEF", "What is the left ventricular ejection fraction?"),
        ("LVEF", "What is the LVEF?"),
        ("LV ejection fraction", "What is the LVEF?"),
        ("Left ventricular ejection fraction", "What is the LVEF?"),
    ],
)
def test_an_abbreviation_of_one_meaning_is_its_words(label: str, question: str) -> None:
    page = page_of(table(60, (60, 300), ("Ward", "4B"), (label, "52 %")))
    assert first(page, question) == "52 %"


@pytest.mark.parametrize(
    "question",
    [
        "When does he take it?",
        "When did the patient arrive?",
        "When will she come?",
        "Wann kommt er?",
        "Wann kommt der Patient?",
        "When was it given?",
        "When did she go?",
        "Where did she go?",
        "Where is it given?",
    ],
)
def test_a_date_or_a_place_answers_no_question_without_a_subject(question: str) -> None:
    page = page_of(
        [
            (60, 60, "Cardiology letter about Mr A. Example"),
            *table(90, (60, 200), ("Date:", "12.01.2026"), ("Place:", "Level 2, East Wing")),
            (60, 160, "He takes bisoprolol. It was given by his wife."),
        ]
    )
    assert not first(page, question)


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Drained by catheter", "Who drained the abscess?"),
        ("Drainiert durch Katheter", "Wer hat drainiert?"),
        ("Confirmed by CT", "Who confirmed the finding?"),
    ],
)
def test_who_did_it_is_no_thing(line: str, question: str) -> None:
    assert not first(page_of([(60, 60, line), (60, 90, "Abscess of the liver")]), question)


@pytest.mark.parametrize(
    ("label", "value", "question"),
    [
        ("Blutzucker", "112 mg/dl", "Wie hoch ist der Blutdruck?"),
        ("Atemfrequenz", "18 /min", "Wie hoch ist die Herzfrequenz?"),
        ("Harnsäure", "6,2 mg/dl", "Wie hoch ist der Harnstoff?"),
        ("Kreatinin im Serum", "0,9 mg/dl", "Wie hoch ist das Serumnatrium?"),
        ("Kreatinin im Serum", "0,9 mg/dl", "Wie hoch ist das Urinkreatinin?"),
        ("Calciumausscheidung", "250 mg/d", "Wie hoch ist das Calcium?"),
        ("Alkalische Phosphatase", "80 U/l", "Wie hoch ist das Phosphat?"),
        ("Hämatokrit", "41 %", "Wie groß ist das Hämatom?"),
        ("Creatinine", "0.9 mg/dl", "How high is the creatine?"),
        ("Portal vein, width", "11 mm", "What is the width of the hepatic vein?"),
        ("Spleen, length", "12 cm", "What is the width of the spleen?"),
    ],
)
def test_a_word_that_is_alike_in_part_is_another(label: str, value: str, question: str) -> None:
    page = page_of(table(60, (60, 260), (label, value), ("Ward", "4B")))
    assert not first(page, question)


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Fracture detected by Computed Tomography", "Who detected the fracture?"),
        ("Patient accompanied by Guide Dog", "Who accompanied the patient?"),
        ("Wunde verschlossen durch Vicryl Naht", "Wer hat die Wunde verschlossen?"),
        ("Stone removed by Dormia Basket", "Who closed the wound?"),
    ],
)
def test_a_thing_with_capitals_is_no_person(line: str, question: str) -> None:
    page = page_of([(60, 60, line), (60, 80, "Wound closed by Vicryl Suture")])
    assert not first(page, question)


def test_of_several_days_the_one_asked_for_answers_and_else_the_latest() -> None:
    rows = (
        ("Parameter", "01.11.2025", "03.11.2025", "Einheit", "Referenz"),
        ("Lymphozyten", "20", "22", "%", "20-45"),
        ("Erythrozyten", "4,0", "4,1", "/pl", "4,1-5,1"),
    )
    page = page_of(table(60, (60, 180, 280, 380, 460), *rows))
    assert first(page, "Wie hoch sind die Lymphozyten?").startswith("22")
    assert first(page, "Wie hoch waren die Lymphozyten am 1. November 2025?").startswith("20")
    assert not first(page, "Wie hoch waren die Lymphozyten am 05.11.2025?")
