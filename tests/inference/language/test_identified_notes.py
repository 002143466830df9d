"""Notes without capitals, tables, teams and whole names leave no name, number or ward behind."""

import pytest

from inference.language.deid import deidentified
from inference.language.identifying import by_context
from storage.settings import Settings


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("seen by doctor brackenridge with her daughter annika from sacramento",
         ["brackenridge", "annika", "sacramento"]),
        ("pt leopold slept, dr oyelaran informed. leopold eats well.", ["leopold", "oyelaran"]),
        ("the number is seven seven oh three one two", ["seven", "three"]),
        ("frau wieczorek kommt mit sohn matthias", ["wieczorek", "matthias"]),
        ("Name;Vorname;Geb.;Fallnr.;Befund\n"
         "Stein;Lea;3.2.61;118;Zyste 4 mm\nWald;Kim;1958;119;frei",
         ["Stein", "Lea", "3.2.61", "118", "Wald", "Kim", "1958", "119"]),
        ("Name | DOB | MRN | Result\n--- | --- | --- | ---\nBlack Ray | 1/2/50 | 77 | normal",
         ["Black", "Ray", "1/2/50", "77"]),
        ("Mrs Henrietta (Etta) WINTER and Etta Winter", ["Henrietta", "Etta", "WINTER", "Winter"]),
        ("Patientin: Aylin Su Demirkol geb. Yavuz", ["Aylin", "Demirkol", "Yavuz"]),
        ("Hausarzt: Sommer. OP: Nowak/Ass Petrescu. gez. Lindner",
         ["Sommer", "Nowak", "Petrescu", "Lindner"]),
        ("Schwager Torsten, Enkelin Mia K., Zeuge Veit Hölzl", ["Torsten", "Mia", "Hölzl"]),
        ("moved to Ward 9 Hawthorn, Bay D bed 12", ["9", "Hawthorn", "12"]),
        ("Lindenstr. 4 / 2. Stock b. Arslan, 50667", ["Lindenstr", "Arslan", "50667"]),
        ("Fahrer bei Spedition Krüger; works at Harlow Textiles", ["Krüger", "Harlow"]),
        ("App. 4-3391, Führerschein 21 443 902, Studie ABCD-EFG-017", ["3391", "443", "017"]),
        ("entered by tmeyer7, typed Kb/sw", ["tmeyer7", "Kb/sw"]),
        ("fax 6O6.555.O188 as scanned", ["555", "188"]),
    ],
)  # fmt: skip
def test_notes_tables_and_teams_lose_who_they_speak_of(text: str, gone: list[str]) -> None:
    without = deidentified(Settings(), text, {})["text"]
    assert [one for one in gone if one in without] == []


@pytest.mark.parametrize(
    "text",
    [
        "patient denies pain, doctor will review; the wife is well and the son was informed",
        "baker cyst measuring two point five by three centimeters, kellgren lawrence grade two",
        "McMurray and Lachman negative. Sphincter of Oddi, Wharton jelly, Foley catheter 16 Fr.",
        "Lesion;Size;Segment\nA;4 mm;7/8\nB;11 mm;2",
        "Le Fort II, Level L5, Grad II, T2 N0 M0, PI-RADS 4, CO-RADS 2, EGFR L858R, HbA1c 7,1.",
    ],
)
def test_medicine_in_notes_stays(text: str) -> None:
    assert deidentified(Settings(), text, {})["text"] == text


@pytest.mark.parametrize(
    "report",
    [
        "MR Schädel nativ und nach KM. MR Angiographie der Becken-Bein-Gefäße.",
        "CA Mamma links. RA Gonarthrose. FA Vorfuß. PD Fettsättigung coronar.",
        "OP Knie links, Op Hüft-TEP rechts 2015. Station Neurologie. Kinder Röntgen.",
        "RR 120/80, Levothyroxin 75 µg 1-0-0, Hb 12.3, TSH 2,1.",
        "Tc-99m, Ga-68 DOTATATE 150 MBq, GFR (94), Sättigung (97).",
        "Metastase in der Leber 3. Im Lendenwirbel 5, slice no. 12, Bild Nr. 12 (Serie 4).",
        "PI-RADS 4, BI-RADS 2, CAD-RADS 2, Gleason 3+4=7a, pT2 pN1 M0, C5/6, Th12, AO A1.",
        "Chest PA and lateral. Breast CA. Lung CA suspected. Known MS. Hip OR. 4 Chamber View.",
        "The mass has grown from 4.9 x 3.6 cm to 6.1 x 4.3 cm and has an SUVmax of 21.5.",
        "Lymph nodes in Station 7 and 4R, 3/14 nodes positive, field 1.5 to 3.0 T, Ebene 3.",
        "Left MCA M1 occlusion. CTA Neck patent. Liver Segment 4A lesion 1.2 cm. Baker cyst.",
    ],
)
def test_what_a_report_says_of_images_stays(report: str) -> None:
    assert [report[start:end] for _, start, end in by_context(report, is_released=True)] == []


def test_what_is_read_on_keeps_the_times_that_are_asked_about() -> None:
    asked = "What was the pulse at 18:00 in April, ward 4B, at the age of 94?"
    assert list(by_context(asked)) == []
    gone = {asked[start:end] for _, start, end in by_context(asked, is_released=True)}
    assert {"18:00", "April"} <= gone
