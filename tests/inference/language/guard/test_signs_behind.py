"""A sentence that nobody understands takes back the one before it, unless it affirms a sign."""

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence

SOURCE = "Stone of 8 mm in the gallbladder."
CLAIM = "The gallbladder contains an 8 mm stone."
AFFIRMED = [
    "Sonographic Murphy sign positive.",
    "The sonographic Murphy sign is positive.",
    "Positive Murphy sign.",
    "Murphy sign present.",
    "The twinkling sign is visible.",
    "Murphy-Zeichen positiv.",
    "Das Murphy-Zeichen ist positiv.",
]
TAKEN_BACK = [
    "Refuted.",
    "It was refuted.",
    "Glorped.",
    "Retracted by the glorp.",
    "Retracted.",
    "Retrahiert durch Nachtrag.",
    "The glorp disagrees.",
    "Sign positive.",
    "This sign is positive.",
    "This was glorped, sign positive.",
    "False positive sign.",
    "Falsely positive glorp sign.",
    "Glorp sign falsely positive.",
    "Error sign present.",
    "Misread glorp sign present.",
    "Artifact sign positive.",
    "Pseudosign sign visible.",
    "Mimicking sign visible.",
    "However, glorp sign positive.",
    "But glorp sign positive.",
    "Instead glorp sign positive.",
    "Rather glorp sign visible.",
    "Glorp sign positive elsewhere.",
    "Glorp sign positive only.",
    "Opposite sign positive.",
    "Contrary sign visible.",
    "Earlier glorp sign positive.",
    "Glorp sign positive later.",
    "Glorp sign positive once.",
    "Glorp sign not positive.",
    "No glorp sign visible.",
    "Uncertain glorp sign visible.",
    "Glorp sign positive?",
    "Glorp sign positive, refuted.",
    "Glorp sign positive and refuted.",
    "Retraction sign present.",
    "Correction sign present.",
    "Fehlzeichen Zeichen sichtbar.",
    "Falsch positives Glorp-Zeichen.",
    "Irrtümlich Glorp-Zeichen positiv.",
    "Jedoch Glorp-Zeichen positiv.",
    "Früher Glorp-Zeichen positiv.",
    "Stattdessen Glorp-Zeichen sichtbar.",
    "Dies ist ein positives Glorp-Zeichen.",
]


@pytest.mark.parametrize("behind", AFFIRMED)
def test_a_sign_takes_nothing_back(behind: str) -> None:
    evidence = Evidence(texts=(SourceText("report", f"{SOURCE} {behind}"),))
    assert check_sentence(CLAIM, evidence).supported
    assert not check_sentence("There are no gallstones.", evidence).supported


@pytest.mark.parametrize("behind", TAKEN_BACK)
def test_what_may_be_of_the_sentence_before_takes_it_back(behind: str) -> None:
    evidence = Evidence(texts=(SourceText("report", f"{SOURCE} {behind}"),))
    assert not check_sentence(CLAIM, evidence).supported
