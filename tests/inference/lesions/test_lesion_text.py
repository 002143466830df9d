"""The sums of lesions in a report's sentences."""

from dataclasses import replace

import pytest

from inference.calibration.entities import CAVEATS
from inference.lesions.course import Seen, Visit
from inference.lesions.response.assessment import lugano, recist
from inference.reports.lesion_courses import LesionCourse, still_new
from inference.reports.lesion_text import lesion_sentences
from inference.reports.locale import load_locale
from storage.lesions.entities import AxesMethod, Relation
from tests.inference.lesions.matches import NODE, lesion, match


def visit(date: str, mm: float, method: AxesMethod) -> Visit:
    node = lesion(f"n{date}", mm, mm, kind=NODE, axes_method=method)
    return Visit("1.2", date, (Seen(node, "N", "N", None),), (), (), (), is_compared=True)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "mm; not compared, since"), ("de", "mm; nicht verglichen, da")],
)
def test_sums_by_different_methods_are_stated_without_a_change(language: str, words: str) -> None:
    visits = [visit("20230101", 26, "edges"), visit("20240101", 30, "half-pixel")]
    sums = [table(visits)[1][-1] for table in (recist, lugano)]
    course = LesionCourse("nodules", visits[-1], "20230101", sums[0], sums[1])
    _, longest, products = (one.text for one in lesion_sentences([course], load_locale(language)))
    assert words in longest
    assert words.replace("mm", "mm²") in products
    assert longest.endswith(": NE.")
    assert products.endswith(": NE.")
    assert "26" not in longest


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Not measured again, as named on 1 January 2023: C (longest diameter 9.0 mm).",
                "Outside of these images, as named on 1 January 2023: D (longest diameter 8.0 mm).",
                "Lesions are numbered in each study separately."
                " As named on 1 January 2023: A was A and B, F was E, G was E."]),
        ("de", ["Nicht erneut gemessen, benannt wie am 1. Januar 2023: C (längster Durchmesser"
                " 9,0 mm).",
                "Außerhalb dieser Bilder, benannt wie am 1. Januar 2023: D (längster Durchmesser"
                " 8,0 mm).",
                "Jede Untersuchung nummeriert ihre Läsionen neu. Benannt wie am 1. Januar 2023:"
                " A war A und B, F war E, G war E."]),
    ],
)  # fmt: skip
def test_lesions_that_are_gone_or_renumbered_are_named(language: str, expected: list[str]) -> None:
    now = Visit(
        "1.2", "20240101",
        (
            Seen(lesion("A", 20), "A", "A", match("merged", "a", "A")),
            Seen(lesion("F", 12), "F", "F", match("split", "e", "F")),
            Seen(lesion("G", 7), "G", "G", match("split", "e", "G", is_main=False)),
            Seen(lesion("H", 7), "H", "H", match("matched", "h", "H")),
        ),
        (match("gone", "c"),), (match("merged", "b", "A", is_main=False),),
        (match("outside", "d"),), is_compared=True, by_readers=True,
    )  # fmt: skip
    sizes = {"A": 10, "B": 9.5, "C": 9, "D": 8, "E": 15, "H": 7}
    before = {name.lower(): lesion(name, mm) for name, mm in sizes.items()}
    course = LesionCourse("nodules", now, "20230101", None, None, earlier_lesions=before)
    _, *named = (one.text for one in lesion_sentences([course], load_locale(language)))
    assert named == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Sizes to be used with caution, in changes and sums, too: S7 (calibrated by hand"
               " on an object of stated length, true at its depth only); S7 of 1 January 2023"
               " (By a ruler beside the patient)."),
        ("de", "Maße, die auch in Änderungen und Summen nur mit Vorsicht gelten: S7 (von Hand"
               " an einem Objekt angegebener Länge kalibriert, nur in dessen Tiefe richtig); S7"
               " vom 1. Januar 2023 (By a ruler beside the patient)."),
    ],
)  # fmt: skip
def test_a_size_that_is_compared_keeps_what_is_doubtful_of_it(language: str, expected: str) -> None:
    now, then = (replace(lesion(f"t{mm}", mm), label="S7") for mm in (20, 18))
    now = replace(now, caveat=CAVEATS["by_hand"])
    then = replace(then, caveat="By a ruler beside the patient.")
    visit = Visit("1.2", "20240101", (Seen(now, "T", "T", None),), (), (), (), is_compared=True)
    course = LesionCourse(
        "drawn-lesions", visit, "20230101", None, None,
        with_caveats=((now, None), (then, ("20230101", ""))),
    )  # fmt: skip
    assert expected in [one.text for one in lesion_sentences([course], load_locale(language))]
    assert "By a ruler" in course.digest


def test_every_caveat_of_a_calibration_has_words_in_every_language() -> None:
    for language in ("en", "de"):
        words = load_locale(language).words["lesions"]["caveats"]
        assert words.keys() == CAVEATS.keys()


def test_what_a_draft_was_made_of_stays_where_no_lesion_is_uncertain() -> None:
    """It is compared with what was stored; else every draft would be worded again."""
    visits = [visit("20230101", 26, "edges"), visit("20240101", 30, "edges")]
    course = LesionCourse("nodules", visits[-1], "20230101", None, None)
    assert course.digest == "nodules [('gone', 0), ('outside', 0)] None None / [] () []"
    (now,) = visits[-1].seen
    unsure = replace(visits[-1], seen=(replace(now, match=match("uncertain", "", "N")),))
    course = replace(course, visit=unsure)
    assert course.counts["uncertain"] == 1
    assert "('uncertain', 1)" in course.digest


def seen(lesion_id: str, mm: float, group: str, relation: Relation | None = None) -> Seen:
    found = lesion(lesion_id, mm)
    found = replace(found, label=f"Metastasis {group}", volume_mm3=mm**3 / 2)
    earlier = f"{group}{int(lesion_id[-1]) - 1}" if relation == "matched" else ""
    return Seen(found, group, group, relation and match(relation, earlier, lesion_id))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["New in an earlier study, and still there: Metastasis N (longest diameter 12.0 mm"
                " on 1 June 2023, 18.0 mm now; volume 0.864 cm³ then, 2.92 cm³ now).",
                "Sum of the longest diameters of the target lesions, chosen by software: 30.0 mm"
                " (−16.7% from 36.0 mm at first; smallest 24.0 mm). In the manner of RECIST 1.1,"
                " computed and not verified: PD (the sum is 25.0% and 6.0 mm above the smallest; a"
                " lesion that was new in a study before is still there)."]),
        ("de", ["In einer früheren Untersuchung neu und weiterhin vorhanden: Metastasis N (längster"
                " Durchmesser 12,0 mm am 1. Juni 2023, jetzt 18,0 mm; Volumen damals 0,864 cm³,"
                " jetzt 2,92 cm³).",
                "Summe der längsten Durchmesser der von der Software gewählten Zielläsionen:"
                " 30,0 mm (−16,7 % gegenüber anfangs 36,0 mm; kleinste 24,0 mm). In Anlehnung an"
                " RECIST 1.1, berechnet und nicht geprüft: PD (die Summe liegt 25,0 % und 6,0 mm"
                " über der kleinsten; eine Läsion, die in einer früheren Untersuchung neu war, ist"
                " weiterhin vorhanden)."]),
    ],
)  # fmt: skip
def test_progress_is_stated_with_all_that_makes_it(language: str, expected: list[str]) -> None:
    visits = [
        Visit("1.1", "20230101", (seen("A1", 36, "A"),), (), (), (), is_compared=True),
        Visit("1.2", "20230601", (seen("A2", 24, "A", "matched"), seen("N2", 12, "N", "new")),
              (), (), (), is_compared=True),
        Visit("1.3", "20240101", (seen("A3", 30, "A", "matched"), seen("N3", 18, "N", "matched")),
              (), (), (), is_compared=True),
    ]  # fmt: skip
    locale = load_locale(language)

    def sentences(upto: int) -> list[str]:
        return [one.text for one in lesion_sentences([course(visits[:upto])], locale)]

    assert sentences(3)[1:] == expected
    # The study in which it is new.
    new = {"en": "PD (new lesions: 1).", "de": "PD (neue Läsionen: 1)."}
    assert sentences(2)[-1].endswith(new[language])


def course(visits: list[Visit]) -> LesionCourse:
    response = recist(visits)[1][-1]
    return LesionCourse(
        "nodules", visits[-1], visits[-2].study_date, response, None,
        still_new=still_new(visits, response),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "cut_off", "total"),
    [
        ("en", "Cut off by the images, and so not in the sums: L.",
         "Sum of the diameters (of lymph nodes the short axes) of the target lesions, chosen by"
         " software: 38.0 mm (-17.4% from 46.0 mm at first; smallest 46.0 mm)."),
        ("de", "Von den Bildern abgeschnitten und daher in keiner Summe: L.",
         "Summe der Durchmesser (bei Lymphknoten der kurzen Achsen) der von der Software gewählten"
         " Zielläsionen: 38,0 mm (-17,4 % gegenüber anfangs 46,0 mm; kleinste 46,0 mm)."),
    ],
)  # fmt: skip
def test_nodes_count_by_their_short_axis_and_what_is_cut_off_is_named(
    language: str, cut_off: str, total: str
) -> None:
    """30 + 16 mm at first, 24 + 14 mm now; the long axes are 30 + 25 and 24 + 20 mm."""

    def of(number: int, mm: float, long_mm: float, short_mm: float, *others: Seen) -> Visit:
        target, node = lesion(f"A{number}", mm), lesion(f"N{number}", long_mm, short_mm, kind=NODE)
        both = Seen(target, "A", "A", None), Seen(node, "N", "N", None)
        return Visit("1.2", "20230101", (*both, *others), (), (), (), is_compared=True)

    cut = Seen(lesion("L", 40, cut=True), "L", "L", match("matched", "l", "L"))
    visits = [of(1, 30, 25, 16), of(2, 24, 20, 14, cut)]
    course = LesionCourse("nodules", visits[-1], "20230101", recist(visits)[1][-1], None)
    texts = [one.text for one in lesion_sentences([course], load_locale(language))]
    assert cut_off in texts
    stated = [one.replace("\N{MINUS SIGN}", "-").replace("\xa0", " ") for one in texts]
    assert any(one.startswith(total) for one in stated), stated
