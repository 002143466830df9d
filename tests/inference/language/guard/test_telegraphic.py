"""The short ways in which reports are written: where a denial ends, what belongs to what."""

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence

# The source, what follows from it, and what does not.
CASES = {
    "Heart not enlarged, small pericardial effusion. Aorta not dilated, mild calcification.": (
        ["Small pericardial effusion.", "The heart is not enlarged."],
        ["No small pericardial effusion.", "No pericardial effusion.", "No mild calcification."],
    ),
    "Milz nicht vergrößert, homogene Raumforderung. Leber nicht vergrößert und homogen.": (
        ["Die Milz ist nicht vergrößert."],
        ["Keine homogene Raumforderung.", "Die Leber ist nicht homogen."],
    ),
    "No effusion, small nodule in the left lower lobe.": (
        [],
        ["No nodule in the left lower lobe.", "No small nodule in the left lower lobe."],
    ),
    "No effusion, pneumothorax, consolidation. The mass does not involve pleura or diaphragm.": (
        ["No pneumothorax.", "No consolidation."],
        ["The mass involves the pleura.", "Pneumothorax."],
    ),
    "The gallbladder is distended but contains no calculi. The liver contains no cyst.": (
        ["No gallstones.", "No cyst in the liver."],
        ["No calculi in the liver.", "The gallbladder is not distended."],
    ),
    "Left ovary: 4 cm lesion. Right ovary normal, 2.1 cm follicle.": (
        ["2.1 cm follicle in the right ovary."],
        ["2.1 cm follicle in the left ovary."],
    ),
    "Liver: no lesion. Spleen enlarged, 2 cm cyst.": (
        ["Cyst in the spleen."],
        ["2 cm cyst of the liver."],
    ),
    "Calcified granuloma, right lower lobe. Left renal stone, 5 mm, lower pole.": (
        ["Calcified granuloma in the right lower lobe.", "5 mm stone in the left lower pole."],
        ["Granuloma in the left lower lobe.", "Stone in the upper pole of the left kidney."],
    ),
    "Nodule, liver and spleen normal. Effusion, left lung clear.": (
        [],
        ["Nodule in the liver.", "Nodule in the spleen.", "Effusion in the left lung."],
    ),
    "Links ein Erguss. Axillär rechts ein 12 mm großer Lymphknoten, neu.": (
        ["Neuer Lymphknoten axillär rechts.", "Erguss links."],
        ["Erguss rechts.", "12 mm großer Lymphknoten axillär links."],
    ),
    "No mass in the liver; the left kidney could not be seen because of gas.": (
        ["No mass in the liver."],
        ["No mass in the left kidney.", "The left kidney is normal."],
    ),
    "Mass; not confirmed on follow-up. Cyst of the liver; retracted by addendum.": (
        [],
        ["Mass.", "Cyst of the liver."],
    ),
    "Fractures of the right 5th and 6th ribs. Mass at 2 o'clock in the left breast.": (
        ["Fracture of the 6th rib."],
        ["Fracture of the right 7th rib.", "Mass at 3 o'clock in the left breast."],
    ),
    "Metastases in segments VI and VII of the liver. The lower lobe (segment 9) nodule is new.": (
        ["Metastasis in segment VII of the liver.", "The nodule in segment 9 is new."],
        ["Metastasis in segment V of the liver.", "The nodule in segment 3 is new."],
    ),
    "Mass, 3 cm, vormals 2 cm. Nodule 12 mm (was 15 mm). Microdiscectomy 2018. Fracture 2019.": (
        ["The mass was 2 cm before.", "The nodule was 15 mm before."],
        ["Mass of 2 cm.", "15 mm nodule.", "Fracture.", "The nodule has grown."],
    ),
    "Kidney stone, was 8 mm, now 5 mm. Aneurysm (war 4 cm) 5 cm.": (
        ["5 mm kidney stone.", "The aneurysm measures 5 cm."],
        ["8 mm kidney stone.", "The aneurysm measures 4 cm.", "The stone has grown."],
    ),
    "Ureter 4 mm stone. Aorta 24 mm. Liver 16 cm.": (
        ["4 mm stone in the ureter.", "The aorta is 24 mm wide."],
        ["The ureter measures 4 mm.", "The liver is 16 cm wide."],
    ),
    "No effusion on the right, on the left a small effusion.": (
        [],
        ["No effusion.", "No effusion on the left.", "Effusion on the right."],
    ),
    "Kein Pleuraerguss mehr rechts. Kein Harnstau mehr links, Harnstau rechts.": (
        ["Der Pleuraerguss rechts ist nicht mehr nachweisbar."],
        ["Pleuraerguss rechts.", "Harnstau links.", "Kein Harnstau."],
    ),
    "Ein Erguss rechts liegt nicht vor.": (
        ["Kein Erguss rechts."],
        ["Erguss rechts.", "Kein Erguss links."],
    ),
}


@pytest.mark.parametrize("source", CASES)
def test_short_sentences_say_what_they_say_and_no_more(source: str) -> None:
    evidence = Evidence(texts=(SourceText("report", source),))
    faithful, false = CASES[source]
    for sentence in false:
        assert not check_sentence(sentence, evidence).supported, sentence
    for sentence in faithful:
        verdict = check_sentence(sentence, evidence)
        assert verdict.supported, (sentence, verdict.reasons)
