"""Words that look or sound alike, and are not the same to a reader."""

import pytest

from inference.language.guard import check_sentence
from inference.language.guard.evidence import Evidence, SourceText

UNLIKE = [
    ("There is a juxtarenal aortic aneurysm.", "There is a suprarenal aortic aneurysm."),
    ("Der Polyp wurde reseziert.", "Zustand nach Lobektomie."),
    ("The polyp has been resected.", "The patient has had a lobectomy."),
    ("Rundherd 2 cm entfernt vom Hilus.", "Der Rundherd ist nicht mehr nachweisbar."),
    ("Infarct of the left cerebellar hemisphere.", "Infarct of the left cerebral hemisphere."),
    ("Fracture of the uncinate process of C5.", "Fracture of the pancreas."),
    ("Rupture of the quadriceps muscle.", "Rupture of the quadriceps tendon."),
    ("The lung volume has increased.", "The lung volume has progressed."),
    ("BI-RADS 5 on the left, BI-RADS 2 on the right.", "BI-RADS 5 on the right."),
    ("BI-RADS 5 on the left, BI-RADS 2 on the right.", "BI-RADS 2 on the left."),
]


@pytest.mark.parametrize(("source", "claim"), UNLIKE)
def test_one_is_no_evidence_of_the_other(source: str, claim: str) -> None:
    evidence = Evidence(texts=(SourceText("report", source),))
    assert not check_sentence(claim, evidence).supported


@pytest.mark.parametrize(
    "sentence", ["Nodules.", "Enhancement.", "Contrast.", "Target lesions:", "Nodules"]
)
def test_a_heading_that_names_a_finding_is_not_said_of_nothing(sentence: str) -> None:
    evidence = Evidence(texts=(SourceText("report", "The lungs are clear."),))
    assert not check_sentence(sentence, evidence).supported
