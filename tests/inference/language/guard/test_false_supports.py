"""Sentences that were supported although the report does not say them, with what it does say."""

import pytest

from tests.inference.language.guard.test_not_understood import says

BEFORE = [
    ("Lungenembolie vor 5 Jahren.", "Lungenembolie."),
    ("Vor zwei Tagen Subduralhämatom links.", "Subduralhämatom links."),
    ("Pneumothorax rechts vor drei Wochen.", "Pneumothorax rechts."),
    ("Vor einem Jahr Lungenembolie rechts.", "Lungenembolie rechts."),
    ("Lungenembolie vor (2019).", "Lungenembolie."),
    ("Pulmonary embolism (2019).", "Pulmonary embolism."),
    ("Pulmonary embolism before 2019.", "Pulmonary embolism."),
    ("Pulmonary embolism before.", "Pulmonary embolism."),
    ("Pulmonary embolism 5 years before.", "Pulmonary embolism."),
    ("Pulmonary embolism 3 months before.", "Pulmonary embolism."),
]
# A part that is not understood takes back what stands before the semicolon.
TAKEN_BACK = [
    ("Pulmonary embolism of the right lung; excluded by the later lung scan xyzzy.",
     "Pulmonary embolism."),
    ("Mass of the liver; not confirmed in the spleen or liver by sonoxyz.", "Mass of the liver."),
    ("Aneurysm of the aorta 6 cm; aortic measurement misprinted.", "Aneurysm of the aorta 6 cm."),
    ("Appendicitis; appendix on CT turned out unremarkabel.", "Appendicitis."),
    ("Fracture of the left hip; excluded xyzzy for the hip.", "Fracture of the left hip."),
    ("Aortic dissection; in retrospect pulsation artifact of the aorta.", "Aortic dissection."),
    ("In retrospect misread pulsation; aortic dissection.", "Aortic dissection."),
    ("Subdural hematoma; brain CT was mislabelled.", "Subdural hematoma."),
    ("Hemorrhage in the thalamus; the brain was glorped.", "Hemorrhage in the thalamus."),
    ("Mass of segment 7; liver glorped.", "Mass of segment 7."),
]  # fmt: skip
WIDTHS = [
    ("Aorta 4 cm below the renal arteries.", "Aorta 4 cm wide."),
    ("Aorta 4 cm, below the renal arteries.", "Aorta 4 cm wide."),
    ("Aorta 4 cm long.", "The aorta is 4 cm wide."),
    ("Aorta measures 4 cm in length.", "Aorta 4 cm wide."),
    ("Common bile duct visualised for 4 cm.", "Common bile duct 4 cm wide."),
    ("Portal vein 12 cm.", "Portal vein 12 cm wide."),
]
COUNTS = [
    (source, claim.format(one))
    for source, claim in (
        ("Three nodules in the right lung.", "{} nodule in the right lung."),
        ("Three nodules in the right lung.", "There is {} nodule in the right lung."),
        ("Three nodules in the right lung.", "The right lung contains {} nodule."),
        ("Three nodules in the right lung.", "Evidence of {} nodule in the right lung."),
        ("Multiple metastases in the liver.", "{} metastasis in the liver."),
        ("Multiple liver cysts.", "The liver has {} cyst."),
    )
    for one in ("1", "one")
] + [
    ("Three nodules of 5 mm in the right lung.", "One 5 mm nodule in the right lung."),
    ("Mehrere Metastasen in der Leber.", "1 Metastase in der Leber."),
]
RANKS = [
    ("The larger of the two nodules measures 5 mm, the smaller 3 mm.",
     "The larger nodule measures 3 mm."),
    ("The larger nodule measures 5 mm, the smaller 3 mm.", "The larger nodule measures 3 mm."),
    ("The larger calcified nodule measures 5 mm, the smaller 3 mm.",
     "The smaller calcified nodule measures 3 mm."),
    ("The larger nodule in the right lung measures 5 mm, the smaller in the left lung 3 mm.",
     "The smaller nodule in the right lung measures 3 mm."),
    ("Der größere Rundherd misst 5 mm, der kleinere 3 mm.", "Der größere Rundherd misst 3 mm."),
    ("Die größere Zyste misst 5 mm, die kleinere 3 mm.", "Die größere Zyste misst 3 mm."),
    ("Die größere Zyste misst 5 mm.", "Die Zyste ist größer geworden."),
]  # fmt: skip
SUBJECTS = [
    ("The liver contains a hemangioma but is normal and contains a metastasis to the spleen.",
     "Liver metastasis."),
    ("The right kidney contains a stone, is normal in size, but shows a mass of the left.",
     "Mass of the right kidney."),
    ("The right kidney shows a mass of the left.", "Mass of the right kidney."),
    ("The spleen contains a lesion, it is malignant.", "The spleen is malignant."),
    ("The spleen contains a lesion and it is malignant.", "The spleen is malignant."),
    ("The gallbladder contains a polyp but it is small.", "The gallbladder is small."),
    ("The mass abuts the liver and it is enlarged.", "The mass is enlarged."),
    ("Die Milz zeigt eine Läsion, aber sie ist maligne.", "Die Milz ist maligne."),
    ("Die Leber ist normal, aber es besteht ein Hämatom.", "Hämatom der Leber."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "sentence"), BEFORE + TAKEN_BACK + WIDTHS + COUNTS + RANKS + SUBJECTS
)
def test_what_a_report_does_not_say_is_withheld(source: str, sentence: str) -> None:
    assert not says(source, sentence)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("Ein Erguss liegt nicht vor.", "Kein Erguss."),
        ("Aorta 4 cm.", "The aorta is 4 cm wide."),
        ("The portal vein measures 12 mm, no thrombus.", "Portal vein 12 mm wide."),
        ("1 nodule in the right lung.", "One nodule in the right lung."),
        ("One nodule in the right lung.", "Nodule in the right lung."),
        ("The larger of the two nodules measures 5 mm.", "The larger nodule measures 5 mm."),
        ("The larger nodule measures 5 mm, the smaller 3 mm.", "The smaller nodule measures 3 mm."),
        ("Zwei Rundherde, der größere misst 8 mm.", "Der größere Rundherd misst 8 mm."),
        ("The gallbladder is distended but contains no stones.",
         "The gallbladder contains no stones."),
        ("Mass of the liver; spleen normal.", "Mass of the liver."),
    ],
)  # fmt: skip
def test_what_it_does_say_is_supported(source: str, sentence: str) -> None:
    assert says(source, sentence)
