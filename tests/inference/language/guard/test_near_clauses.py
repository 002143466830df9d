"""Sentences near to a clause that does not say it, many in words unknown to the rules."""

import re

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence
from inference.language.guard.assertions.corpus import corpus_of

REPORT = """CT ABDOMEN

FINDINGS:
Liver: 14 mm cyst in segment 6. Hyperdense focus in segment 2, likely flash hemangioma.
Gallbladder: thickened wall, no stones.
Kidneys: Punctate calculus lower pole right kidney 3 mm. Angiomyolipoma abuts the left renal vein.
Bowel: Appendix surgically absent. Intussusception, resolved.
Lymph nodes: Small mesenteric nodes and an enlarged portacaval node. No retroperitoneal adenopathy.
Bones: Pagetoid sclerosis of the left ilium. Tarlov cyst at S2. Old burst fracture of L1.
L4-5: Moderate foraminal narrowing on the right. No spondylolysis.
Fatty atrophy of the multifidus. Conus terminates at L1 and is normal in signal.
The uterus compresses the bladder. The bladder is not thickened. Mass not present in the spleen.
PET/CT is recommended for further evaluation. MRI of the hip is recommended if pain persists.
Pneumatosis was present in 2019. Previously 4 cm dermoid.
"""
BEFUND = """CT Abdomen

Leber: Zyste in Segment 6 mit 14 mm. Keine Cholestase. Vermutlich Regeneratknoten in Segment 2.
Nieren: Parapelvine Zyste links 22 mm. Rechts keine Stauung.
Milz: Nebenmilz am Hilus. Keine Splenomegalie.
Darm: Sigmadivertikulose ohne Divertikulitis. Das Zökum ist luftgefüllt.
Der Uterus verdrängt die Harnblase. Ein MRT wird zur Abklärung empfohlen.
"""
FALSE = [
    (REPORT, "There is a hyperdense focus in segment 6."),
    (REPORT, "There is a flash hemangioma in segment 2."),
    (REPORT, "Hyperdense hemangioma in segment 2, likely flash focus."),
    (REPORT, "The gallbladder has stones and no thickened wall."),
    (REPORT, "Punctate calculus upper pole right kidney 3 mm."),
    (REPORT, "The left renal vein abuts the angiomyolipoma."),
    (REPORT, "The bladder compresses the uterus."),
    (REPORT, "The appendix is surgically present."),
    (REPORT, "There is intussusception."),
    (REPORT, "Small portacaval node and enlarged mesenteric nodes."),
    (REPORT, "No mesenteric nodes."),
    (REPORT, "Pagetoid sclerosis of the right ilium."),
    (REPORT, "Tarlov cyst at S1."),
    (REPORT, "New burst fracture of L1."),
    (REPORT, "No spondylolysis."),
    (REPORT, "No spondylolysis at L5-S1."),
    (REPORT, "Moderate foraminal narrowing on the left at L4-5."),
    (REPORT, "The bladder is thickened."),
    (REPORT, "There is a mass in the spleen."),
    (REPORT, "MRI of the hip is recommended."),
    (REPORT, "PET/CT is recommended for further evaluation of the spleen."),
    (REPORT, "PET/CT was obtained."),
    (REPORT, "There is pneumatosis."),
    (REPORT, "There is a dermoid of 4 cm."),
    (REPORT, "It abuts the left renal vein."),
    (
        "Small mesenteric nodes and an enlarged portacaval node.",
        "No small mesenteric nodes and an enlarged portacaval node.",
    ),
    ("Anterolisthesis of L4 on L5.", "Anterolisthesis of L5 on L4."),
    (
        "Glorpian spur of the talus on the navicular.",
        "Glorpian spur of the navicular on the talus.",
    ),
    ("Glorpian cyst?", "Glorpian cyst."),
    ("Glorpian cyst - negative.", "Glorpian cyst."),
    (BEFUND, "In Segment 6 liegt ein Regeneratknoten."),
    (BEFUND, "Regeneratknoten in Segment 2."),
    (BEFUND, "Parapelvine Zyste rechts 22 mm."),
    (BEFUND, "Links keine Stauung."),
    (BEFUND, "Keine Stauung."),
    (BEFUND, "Sigmadivertikulitis ohne Divertikulose."),
    (BEFUND, "Das Zökum ist nicht luftgefüllt."),
    (BEFUND, "Die Harnblase verdrängt den Uterus."),
    (BEFUND, "Ein MRT wird nicht empfohlen."),
]
_TURNED = {
    "left": "right", "right": "left", "lower": "upper", "No": "A", "not": "now",
    "keine": "eine", "Keine": "Eine", "ohne": "mit", "links": "rechts", "likely": "possibly",
    "Vermutlich": "Sicher", "Old": "Acute", "Small": "Large", "absent": "present",
    "Moderate": "Severe", "cyst": "mass", "resolved": "unchanged", "recommended": "available",
}  # fmt: skip


def _turned() -> list[tuple[str, str]]:
    """Each sentence of the reports with a word or a number of it changed, or a word more."""
    found = []
    for report in (REPORT, BEFUND):
        texts = (SourceText("report", report),)
        for one in corpus_of(Evidence(texts=texts)).sentences:
            written = report[one.span.start : one.span.end]
            for word, other in _TURNED.items():
                changed = re.sub(rf"(?<!\w){word}(?!\w)", other, written)
                if changed != written:
                    found.append((report, changed))
            found += [
                (report, f"{written[: number.start()]}{int(number.group()) + 1}"
                 f"{written[number.end() :]}")
                for number in re.finditer(r"\d+", written)
            ]  # fmt: skip
            found += [(report, f"{more} {written}") for more in ("Possible", "Glorped", "No")]
    return found


def says(report: str, sentence: str) -> bool:
    evidence = Evidence(texts=(SourceText("report", report),))
    return check_sentence(sentence, evidence).supported


@pytest.mark.parametrize(("report", "sentence"), FALSE)
def test_no_clause_says_it(report: str, sentence: str) -> None:
    assert not says(report, sentence)


def test_no_clause_with_a_changed_word_is_said() -> None:
    assert [one for one in _turned() if says(*one)] == []
