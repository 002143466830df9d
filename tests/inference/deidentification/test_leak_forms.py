"""The forms in which people and systems write names and dates, and what only looks alike."""

import time
import warnings
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.deidentification.leaks.evidence import Evidence
from inference.deidentification.leaks.leak_scan import LeakScan
from inference.deidentification.profile import read_profile
from tests.inference.deidentification.test_leak_scan import clean, original
from tests.inference.deidentification.test_planted_identifiers import part10


def scan_of(name: str, born: str = "19310312") -> LeakScan:
    profile = read_profile([])
    evidence = Evidence(profile)
    evidence.add(original(PatientName=name, PatientBirthDate=born))
    return LeakScan(evidence, profile)


@pytest.mark.parametrize(
    "text",
    [
        *("WEBERMARIA", "MariaWeber", "mariaweber", "Weber_Maria", "PatWeberMaria1", "weber1"),
        *("CTWEBERMARIA", "WEBERM", "MWeber", "WeberCT", "Weber,M", "WEBERANNAMARIA"),
    ],
)
def test_joined_names_are_found(text: str) -> None:
    found = scan_of("Weber^Maria^Anna")
    assert found.has_leak(f"axial {text} 3 mm")
    assert found.leaks(part10(clean()), f"out/{text}.dcm")


@pytest.mark.parametrize(
    "text",
    [
        *("ZYXO-MANEK", "ZYXO MANEK", "Z Y X O M A N E K", "zyxo-\r\nmanek", "Zy.xo_Manek"),
        *("ZYXO\u00adMANEK", "Z\u200bY\u200bXOMANEK", "CT ZYXO/MANEK", "ZY XOM ANEK 3"),
        "ZYXO\u2060MANEK2",
    ],
)
def test_names_with_breaks_in_them_are_found(text: str) -> None:
    found = scan_of("Zyxomanek^Maria")
    assert found.has_leak(f"axial {text}")
    assert found.has_leak(text, is_coded=True)
    assert found.leaks(part10(clean(ImageComments=text)))
    assert not scan_of("Schulz^Maria").has_leak(f"axial {text}")


def test_a_name_in_several_values_of_an_element_is_found() -> None:
    leaving = part10(clean(ImageType=["ORIGINAL", "PRIMARY", "ZYXO", "MANEK"]))
    assert scan_of("Zyxomanek^Maria").leaks(leaving)


def test_a_name_with_an_umlaut_is_found_in_pieces() -> None:
    for text in ("Bür-ger", "BUER GER", "B U R G E R", "Bür\u00adger"):
        assert scan_of("Bürger^Anna").has_leak(text), text


def test_a_broken_name_is_found_in_time_by_the_length_of_the_text() -> None:
    found = scan_of("Zyxomanek^Maria")
    times = []
    for count in (20_000, 40_000):
        started = time.perf_counter()
        assert not found.has_leak("z y " * count)
        times.append(time.perf_counter() - started)
    assert times[1] < 4 * times[0]


@pytest.mark.parametrize("stored", ["Müller^Jörg", "Mueller^Joerg"])
@pytest.mark.parametrize(
    "text", ["Müller", "MUELLER", "Muller", "JörgMüller", "MUELLERJOERG", "mullerjorg", "jmuller"]
)
def test_umlauts_are_found_however_they_are_written(stored: str, text: str) -> None:
    assert scan_of(stored).has_leak(f"axial {text} 3 mm")


@pytest.mark.parametrize(
    "text",
    [
        *("12.3.31", "12/03/1931", "1931-03-12", "3/12/31", "12-03-31", "31-03-12", "12 03 1931"),
        *("1931/3/12", "12. 3. 1931", "12_03_1931", "12031931", "03121931", "12-MAR-1931"),
        *("12MAR31", "Mrz 12, 1931", "12. Mrz. 1931", "1931-Mar-12", "12th of March 1931"),
        *("March 12th, 31", "12 maerz 1931", "19310312T101500"),
    ],
)
def test_dates_are_found_however_they_are_written(text: str) -> None:
    found = scan_of("Weber^Maria")
    assert found.has_leak(f"born {text}, axial")
    assert found.leaks(part10(clean(ImageComments=f"born {text}")))
    assert not scan_of("Weber^Maria", "19310322").has_leak(f"born {text}, axial")


@pytest.mark.parametrize(
    "text", ["MW310312", "mw_120331", "M.W. 1931", "WM1931", "310312MW", "mw-12.03.31", "MAW 1931"]
)
def test_initials_with_a_short_date_are_found(text: str) -> None:
    found = scan_of("Weber^Maria^Anna")
    assert found.has_leak(f"axial {text}")
    assert found.leaks(part10(clean()), f"out/{text}.dcm")
    assert not scan_of("Schulz^Egon").has_leak(f"axial {text}") or "12.03.31" in text


@pytest.mark.parametrize(
    "text",
    [
        *("syngo MR E11 4VE11C 20180504", "1.12.3.31.7", "2.25.19310312".replace("0312", "9999")),
        *("MW 2024", "310312", "120331", "12.3", "web 31", "mar 3 mm", "MR 1998", "weberian"),
        *("we berlin", "new eber", "WE BE RS", "swe ber"),
        *("t1_mprage_sag_p2_iso", "CT head without contrast 5.0 mm B30f", "marianas trench"),
    ],
)
def test_what_looks_alike_is_let_through(text: str) -> None:
    assert not scan_of("Weber^Maria").has_leak(text)


def test_words_of_medicine_are_no_name_in_pieces() -> None:
    assert not scan_of("Headneck^Anna").has_leak("CT HEAD NECK")


def test_every_part_of_a_long_name_is_found() -> None:
    found = scan_of("PEREIRA DE OLIVEIRA E SILVA^MARIA DA CONCEICAO^DOS SANTOS RUIZ")
    for part in ("Pereira", "Oliveira", "Silva", "Maria", "Conceicao", "Santos", "Ruiz"):
        assert found.has_leak(f"as seen by {part}"), part


def test_a_date_that_no_calendar_has_is_no_evidence() -> None:
    with warnings.catch_warnings(action="ignore"):
        found = scan_of("Weber^Maria", "00000000")
    assert not found.has_leak("SN 0000000012")


def test_the_first_name_of_a_maker_does_not_refuse_its_images() -> None:
    profile = read_profile([])
    evidence = Evidence(profile)
    evidence.add(original(PatientName="Weber^Philip", Manufacturer="Philips Healthcare"))
    found = LeakScan(evidence, profile)
    assert not found.leaks(part10(clean(Manufacturer="Philips Healthcare")))
    assert found.leaks(part10(clean(Manufacturer="Philip")))


FAMILY = st.sampled_from(
    "Weber Schmidt Lang Öztürk Kowalczyk Nguyen Brown Stein Mäder Groß Vorgaenger Sørensen".split()
)
GIVEN = st.sampled_from("Maria Eva Jörg Philip Anna-Lena Rosa Li Björn Max Chloé".split())
BORN = st.dates(date(1920, 1, 1), date(2025, 12, 31))
FORMS = (
    lambda f, g, d: f + g,
    lambda f, g, d: (g + f).upper(),
    lambda f, g, d: f"{f}_{g}_{d:%Y}".lower(),
    lambda f, g, d: f"{d.day}.{d.month}.{d:%y}",
    lambda f, g, d: f"{d:%d%b%Y}".upper(),
    lambda f, g, d: f"{d:%m/%d/%Y}",
    lambda f, g, d: f"{d:%d%m%Y}",
    lambda f, g, d: f"{f[0]}{g[0]}{d:%y%m%d}",
)
HARMLESS = (
    *("SOMATOM Definition AS+", "syngo CT VA48A", "Ingenia Elition X", "5.4.1\\5.4.1.2"),
    *("B30f\\3", "t2_tse_dark-fluid_tra_p2", "Thorax^Routine (Adult)", "*tfl3d1_16ns", "FFE"),
    *("Abdomen 1.0 I40f 3", "HeadMatrix", "STANDARD 2.5 mm", "Signa HDxt 24", "DV25.1_R02_1649.a"),
    *("MediViewAI 0.1.0, PS3.15 E", "P-ZGBQBJCMJLPEX/2.25.91834756/2.25.18/2.25.7.dcm", "HFS"),
    *("Aquilion ONE V6.00ER005", "C-SPINE LAT 12.5.0", "15.0_M5_0557.a", "AXIAL 2024.1.0.512"),
)


@settings(max_examples=100, deadline=None)
@given(family=FAMILY, first=GIVEN, born=BORN, make=st.sampled_from(FORMS), seed=st.integers(0, 99))
def test_every_form_of_every_patient_is_found_between_other_words(
    family: str, first: str, born: date, make: object, seed: int
) -> None:
    text = make(family, first.partition("-")[0], born)  # type: ignore[operator]
    before, after = Random(seed).sample(HARMLESS, 2)
    found = scan_of(f"{family}^{first}", f"{born:%Y%m%d}")
    assert found.has_leak(f"{before} {text} {after}"), text


@settings(max_examples=100, deadline=None)
@given(family=FAMILY, first=GIVEN, born=BORN)
def test_no_patient_is_found_in_what_machines_write(family: str, first: str, born: date) -> None:
    found = scan_of(f"{family}^{first}", f"{born:%Y%m%d}")
    assert [text for text in HARMLESS if found.has_leak(text)] == []


def test_a_long_text_takes_time_in_proportion() -> None:
    from time import process_time

    found = scan_of("Weber^Maria")

    def seconds(text: str) -> float:
        start = process_time()
        assert not found.has_leak(text)
        return process_time() - start

    for piece in ("1.2.", "webe", "12 mar ", "w.m", "3-", "weberian1.", "9"):
        short, long = (seconds(piece * count) for count in (2_000, 20_000))
        assert long < 60 * max(short, 0.005), piece


@pytest.mark.parametrize(
    "text",
    [
        *("12|03|1931", "12:03:1931", "12,03,1931", "12–03–1931", "1931·03·12", "12|3|31"),
        *("1 2 0 3 1 9 3 1", "1.2.0.3.1.9.3.1", "12 03 19 31", "1203 1931", "1931 0312"),
        *("12.III.1931", "12 III 31", "12. iii. 1931", "1931-III-12", "12/Ⅲ/1931"),
    ],
)
def test_dates_in_separators_and_numerals_of_people_are_found(text: str) -> None:
    found = scan_of("Schulz^Maria")
    assert found.has_leak(f"scan {text} 3 mm")
    assert found.leaks(part10(clean(ImageComments=f"of {text}")))


@pytest.mark.parametrize(
    "text",
    [
        *("12:03:31", "12, 3, 31", "1.12.03.31.4", "12 IV 1931", "3 x 5 mm", "120 V 31 mAs"),
        *("1.2.276.0.7230010.3.1.4.8323328", "0.5 1.2 0.3 19.31", "HFS 1 2 3", "2026|01|10"),
    ],
)
def test_times_lists_and_other_days_are_no_birth_date(text: str) -> None:
    assert not scan_of("Schulz^Maria").has_leak(f"scan {text}")


@pytest.mark.parametrize(
    "values",
    [
        ["DERIVED", "PRIMARY", "482", "91", "50"],
        ["DERIVED", "PRIMARY", "4829", "150"],
        ["DERIVED", "PRIMARY", "773", "19", "42"],
        ["DERIVED", "PRIMARY", "0551", "33", "44", "77", "88"],
        ["DERIVED", "PRIMARY", "12", "03", "1931"],
        ["DERIVED", "PRIMARY", "H K", "1931"],
    ],
)
def test_identifiers_and_dates_in_several_values_of_an_element_are_found(
    values: list[str],
) -> None:
    profile = read_profile([])
    evidence = Evidence(profile)
    evidence.add(
        original(
            PatientName="Kowalczyk^Hildegard",
            PatientBirthDate="19310312",
            PatientID="HX-4829150",
            AccessionNumber="ACC7731942",
            PatientTelephoneNumbers="+49 551 33447788",
        )
    )
    scan = LeakScan(evidence, profile)
    assert scan.leaks(part10(clean(ImageType=values)))
    assert not scan.leaks(part10(clean(ImageType=["ORIGINAL", "PRIMARY", "M", "FFE", "1", "2"])))


@pytest.mark.parametrize("stated", ["Goettingen", "Göttingen"])
@pytest.mark.parametrize("text", ["GOTTINGEN", "Goettingen", "göttingen"])
def test_towns_with_umlauts_are_found_however_they_are_written(stated: str, text: str) -> None:
    profile = read_profile([])
    evidence = Evidence(profile)
    evidence.add(original(PatientAddress=f"Am Hasenbuehl 17, 37083 {stated}"))
    scan = LeakScan(evidence, profile)
    assert scan.has_leak(f"axial {text}")
    assert scan.leaks(part10(clean(ImageComments=text)))
