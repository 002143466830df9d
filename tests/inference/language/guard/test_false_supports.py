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
# What was known, asked or seen before is not what was found.
HEADINGS = (
    "INDICATION", "HISTORY", "CLINICAL HISTORY", "REASON FOR EXAM", "CLINICAL INFORMATION",
    "COMPARISON", "Klinische Angaben", "Anamnese", "Fragestellung", "Indikation",
    "Voruntersuchung", "Prior", "Previous CT", "Vorbefund", "Prior findings", "Question",
)  # fmt: skip
KNOWN_BEFORE = [
    (f"CT CHEST\n\n{heading}{gap}18 mm nodule in the right upper lobe.\n\nFINDINGS:\nClear.\n",
     "There is an 18 mm nodule in the right upper lobe.")
    for heading in HEADINGS
    for gap in (": ", ":\n", "\n")
] + [
    ("INDICATION:\nPulmonary embolism.\n\nFINDINGS:\nNo effusion.", "Pulmonary embolism."),
    ("INDICATION: Cough.\nPulmonary embolism.\n\nFINDINGS:\nNo effusion.", "Pulmonary embolism."),
    ("CT CHEST. INDICATION: Pulmonary embolism. FINDINGS: No effusion.", "Pulmonary embolism."),
    ("INDICATION - Pulmonary embolism.", "Pulmonary embolism."),
    ("CT CHEST\nCT of 1 Feb 2020: Pulmonary embolism.", "There is a pulmonary embolism."),
]  # fmt: skip
SIZES = [
    ("Nodules of 4 mm in the right upper lobe and 11 mm in the left lower lobe.",
     "Nodules of 11 mm in the right upper lobe and 4 mm in the left lower lobe."),
    ("Nodules of 4 mm in the right upper lobe and 11 mm in the left lower lobe.",
     "There is a nodule of 11 mm in the right upper lobe."),
    ("Cysts of 2 cm in the left kidney and 5 cm in the right kidney.",
     "There is a cyst of 5 cm in the left kidney."),
    ("Kidneys: Cysts of 2 cm on the left and 5 cm on the right.",
     "The left kidney contains a cyst of 5 cm."),
    ("Metastases in the liver (2 cm) and in the spleen (5 cm).",
     "There is a metastasis of 5 cm in the liver."),
    ("Metastases in the liver (2 cm) and spleen.", "There is a metastasis of 2 cm in the spleen."),
    ("Lymph nodes of 12 mm in the mediastinum and 20 mm in the right axilla.",
     "The mediastinal lymph node measures 20 mm."),
    ("Rundherde von 4 mm im rechten Oberlappen und 11 mm im linken Unterlappen.",
     "Rundherd von 11 mm im rechten Oberlappen."),
    ("Nodules of up to 5 mm in the right lung.", "Nodule of 5 mm in the right lung."),
    ("Rundherde bis 5 mm.", "Rundherde von 5 mm."),
    ("The mean diameter of the nodule is 8 mm.", "The maximum diameter of the nodule is 8 mm."),
]  # fmt: skip
NOTES = [
    (line, "There is a pneumothorax.")
    for line in (
        "[ ] Pneumothorax", "☐ Pneumothorax", "Pneumothorax ∅", "( ) Pneumothorax",
        "2019 pneumothorax.", "Pneumothorax, 2019.", "Pneumothorax 03/2019.",
        "There was a pneumothorax.",
    )
] + [
    ("The appendix was perforated.", "The appendix is perforated."),
    ("Ein Erguss war vorhanden.", "Ein Erguss ist vorhanden."),
    ("Healing fracture of the left rib.", "The fracture of the left rib has healed."),
]  # fmt: skip
RELATIONS = [
    ("Thrombus in the right atrium.", "Thrombus above the right atrium."),
    ("Katheterspitze im rechten Vorhof.", "Katheterspitze oberhalb des rechten Vorhofs."),
    ("Intussusception of the ileum into the cecum.",
     "Intussusception of the cecum into the ileum."),
    ("Mass 2.1 cm, SUVmax 2.5 (prior 6.0 cm, SUVmax 21.5).", "The mass has an SUVmax of 21.5."),
    ("Den Tumor infiltriert das Rektum.", "Der Tumor infiltriert das Rektum."),
    ("Das Rektum infiltriert der Tumor.", "Das Rektum infiltriert den Tumor."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "sentence"),
    BEFORE + TAKEN_BACK + WIDTHS + COUNTS + RANKS + SUBJECTS
    + KNOWN_BEFORE + SIZES + NOTES + RELATIONS,
)  # fmt: skip
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
        ("HISTORY: Prior microdiscectomy in 2018.", "Prior microdiscectomy in 2018."),
        ("HISTORY: Pulmonary embolism.", "History: Pulmonary embolism."),
        ("INDICATION: Cough. FINDINGS: Mass of the liver.", "Mass of the liver."),
        ("HISTORY:\nCough.\n\nFINDINGS\n\nMass of the liver.", "Mass of the liver."),
        ("Voruntersuchung: 2023.\nRaumforderung der Leber.", "Raumforderung der Leber."),
        ("Nodules of 4 mm and 11 mm in the right lung.", "Nodule of 11 mm in the right lung."),
        ("A nodule was seen in the right lung.", "There is a nodule in the right lung."),
        ("Der Tumor infiltriert das Rektum.", "Der Tumor infiltriert das Rektum."),
    ],
)  # fmt: skip
def test_what_it_does_say_is_supported(source: str, sentence: str) -> None:
    assert says(source, sentence)
