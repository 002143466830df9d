"""Caveats come back from the index as what they are, those of older versions by their text."""

import json
from dataclasses import asdict

import pytest

from storage.core.caveats import Caveat, CaveatKind
from storage.core.findings import NormalRange
from storage.findings.row_mapping import read_normal_range
from storage.findings.stored_caveats import read_caveats


def test_a_caveat_comes_back_as_it_was_stored() -> None:
    caveats = (
        Caveat("outside_population", "Outside: manufacturer A: B; age 1; C.", ("manufacturer",)),
        Caveat("other_side", "The other side."),
    )
    assert read_caveats(json.loads(json.dumps([asdict(one) for one in caveats]))) == caveats


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The series holds 2 stacks: B30f is taken.", "part_of_series"),
        ("The images were made with 80 and 140 kV: no.", "tube_voltages"),
        ("The images are of a multi-energy acquisition: no.", "tube_voltages"),
        ("Registered with a residual of 2.5 mm: PET to CT.", "registered_with_residual"),
        ("Not compared with the study before: kernel.", "not_compared"),
        ("Lung volume differs from that of the study before by 20 %.", "other_breath"),
        ("Compared across slice thicknesses with the study of 2024-01-10.", "other_slices"),
        ("Compared with the study of 2024-01-10, though.", "other_side"),
        ("Something else.", "other"),
    ],
)
def test_what_an_older_version_stored_is_known_by_its_beginning(
    text: str, kind: CaveatKind
) -> None:
    assert read_caveats([text]) == (Caveat(kind, text),)


def test_limits_of_an_older_version_are_read_from_its_text() -> None:
    text = (
        "Outside the population the model was made for, by Authors 2024: with contrast agent;"
        " age 3 years (18 to 96 years); tube voltage 80 kV (100 to 120 kV)."
    )
    assert read_caveats([text])[0].limits == ("age", "tube voltage", "contrast agent")


def test_ages_that_contradict_are_known_of_an_older_version_by_its_text() -> None:
    text = "asks for the age; 65 by PatientBirthDate and 50 by PatientAge contradict each other."
    assert read_normal_range({"missing": text}).ages_contradict
    assert not read_normal_range({"missing": "The value is not plausible."}).ages_contradict
    stored = NormalRange(missing="asks for the age.", ages_contradict=True)
    assert read_normal_range(json.loads(json.dumps(asdict(stored)))) == stored
