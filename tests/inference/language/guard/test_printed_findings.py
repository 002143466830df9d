"""Sentences about findings that are printed as lines, a label and a value each."""

import re

import pytest

from tests.inference.language.guard.test_not_understood import says

ENGLISH = """Right kidney: 118 mL (reference 130-210 mL).
Left kidney: 204 mL (reference 130-210 mL).
Spleen volume: 412 mL, 97th percentile (reference 90-320 mL); earlier 380 mL on 2024-03-02 (+8 %).
Liver fat fraction: 14 % (limit 5 %).
Main portal vein diameter: 12 mm (limit 13 mm).
Kidney cysts: 7 cysts; earlier 5 cysts on 2024-03-02.
Renal stones: 0."""
GERMAN = """Hippocampus links: 2,21 cm³, 2. Perzentile (Referenz 2,8-4,0 cm³).
Hippocampus rechts: 2,93 cm³, 22. Perzentile (Referenz 2,8-4,0 cm³).
Linker Vorhof: 24 cm² (Grenzwert 20 cm²); zuvor 21 cm² am 03.05.2023.
Rechter Vorhof: 17 cm² (Grenzwert 20 cm²).
Ejektionsfraktion rechter Ventrikel: 41 % (Referenz 52-72 %)."""
FAITHFUL = [
    (ENGLISH, "The right kidney is reduced."),
    (ENGLISH, "The right kidney, at 118 mL, lies below the reference range."),
    (ENGLISH, "The left kidney measures 204 mL and is within the reference range."),
    (ENGLISH, "The spleen volume rose from 380 to 412 mL since March 2024."),
    (ENGLISH, "The spleen volume has increased by 8 %."),
    (ENGLISH, "The liver fat fraction is above the limit, at 14 %."),
    (ENGLISH, "The main portal vein is not dilated."),
    (ENGLISH, "The number of kidney cysts rose from five to seven."),
    (ENGLISH, "No renal stones."),
    (ENGLISH, "The right kidney is smaller than the left."),
    (GERMAN, "Der linke Hippocampus ist verkleinert und liegt auf der 2. Perzentile."),
    (GERMAN, "Der rechte Hippocampus liegt im Referenzbereich."),
    (GERMAN, "Der linke Vorhof ist vergrößert, der rechte nicht."),
    (GERMAN, "Der linke Vorhof ist seit Mai 2023 von 21 auf 24 cm² gewachsen."),
    (GERMAN, "Die Ejektionsfraktion des rechten Ventrikels ist mit 41 % eingeschränkt."),
]
FALSE = [
    (ENGLISH, "The right kidney is normal."),
    (ENGLISH, "Both kidneys are reduced."),
    (ENGLISH, "The kidney measures 118 mL."),
    (ENGLISH, "The right kidney measures 118 cm³ and is within the reference range."),
    (ENGLISH, "The right kidney is markedly reduced."),
    (ENGLISH, "The right kidney is reduced after nephrectomy."),
    (ENGLISH, "The right kidney has decreased."),
    (ENGLISH, "The right kidney was reduced."),
    (ENGLISH, "The spleen measures 380 mL."),
    (ENGLISH, "The spleen measures 412 mL on 2024-03-02."),
    (ENGLISH, "The liver is normal."),
    (ENGLISH, "The liver fat fraction is slightly above the limit."),
    (ENGLISH, "There are renal stones."),
    (ENGLISH, "All kidneys are within the reference range."),
    (GERMAN, "Der Hippocampus ist rechts kleiner als links."),
    (GERMAN, "Beide Vorhöfe sind vergrößert."),
    (GERMAN, "Der rechte Ventrikel ist eingeschränkt."),
    (GERMAN, "Der linke Hippocampus ist vermutlich verkleinert."),
]
# What another line of the text may say of the values.
REMARKS = [
    "The values above are of another patient.",
    "Quality: motion artifact.",
    "Status: superseded.",
    "PRIOR EXAMINATION:",
    "Right kidney: 150 mL (reference 130-210 mL).",
]
_TURNED = {
    "left": "right", "right": "left", "linke": "rechte", "rechte": "linke", "rechten": "linken",
    "below": "above", "above": "below", "rose": "fell", "increased": "decreased",
    "smaller": "larger", "reduced": "enlarged", "dilated": "reduced", "gewachsen": "gesunken",
    "verkleinert": "vergrößert", "eingeschränkt": "erhöht", "mL": "L", "cm²": "mm²",
    "within": "above", "im": "über dem",
}  # fmt: skip


def turned() -> list[tuple[str, str]]:
    """The faithful sentences with one word or one number changed."""
    found = []
    for source, sentence in FAITHFUL:
        for word, other in _TURNED.items():
            for one in re.finditer(rf"(?<!\w){word}(?!\w)", sentence):
                changed = sentence[: one.start()] + other + sentence[one.end() :]
                found.append((source, changed))
        for one in re.finditer(r"\d+", sentence):
            number = str(int(one.group()) + 1)
            found.append((source, sentence[: one.start()] + number + sentence[one.end() :]))
    # A sentence may be as true the other way round.
    return [one for one in found if one[1] not in {true for _, true in ALSO_TRUE}]


ALSO_TRUE = [(ENGLISH, "The main portal vein is not reduced.")]


@pytest.mark.parametrize(("source", "sentence"), FAITHFUL)
def test_a_printed_finding_says_it(source: str, sentence: str) -> None:
    assert says(source, sentence)


@pytest.mark.parametrize(("source", "sentence"), FALSE)
def test_no_printed_finding_says_it(source: str, sentence: str) -> None:
    assert not says(source, sentence)


@pytest.mark.parametrize(("source", "sentence"), turned())
def test_a_turned_word_or_number_is_withheld(source: str, sentence: str) -> None:
    assert not says(source, sentence)


@pytest.mark.parametrize("remark", REMARKS)
def test_what_a_line_may_take_back_supports_nothing(remark: str) -> None:
    assert not says(f"{ENGLISH}\n{remark}", "The right kidney is reduced.")
    assert not says(f"{remark}\n{ENGLISH}", "The right kidney is reduced.")
