"""One thing in another turn of phrase passes; what the turn would change is withheld."""

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence

ALIKE = [
    ("Keine Lungenembolie.", "Hinweise auf eine Lungenembolie bestehen nicht."),
    ("Kein Pleuraerguss.", "Hinweise auf einen Pleuraerguss fanden sich nicht."),
    ("Kein Pleuraerguss.", "Für einen Pleuraerguss gibt es keinen Hinweis."),
    ("Kein Pleuraerguss.", "Es gibt keine Anzeichen für einen Pleuraerguss."),
    (
        "Consolidation in the left lower lobe, possibly pneumonia.",
        "Left lower lobe consolidation may represent pneumonia.",
    ),
    (
        "Consolidation in the left lower lobe, possibly pneumonia.",
        "The consolidation in the left lower lobe possibly represents pneumonia.",
    ),
    (
        "Consolidation in the left lower lobe, possibly pneumonia.",
        "Consolidation in the left lower lobe which may reflect pneumonia.",
    ),
    (
        "Consolidation in the left lower lobe may represent pneumonia.",
        "Possible pneumonia in the left lower lobe.",
    ),
    (
        "Quadriceps and patellar tendons are intact.",
        "The quadriceps and patellar tendons are both intact.",
    ),
    ("The liver and the spleen are normal.", "Both the liver and the spleen are normal."),
    ("The liver and the spleen are normal.", "The liver and spleen are both normal."),
    ("The lateral meniscus is normal.", "The lateral meniscus is intact."),
    (
        "The cardiac silhouette is mildly enlarged, as before.",
        "The cardiac silhouette is mildly enlarged and unchanged.",
    ),
    ("Small pleural effusion, as before.", "The small pleural effusion is unchanged."),
    ("Kleiner Pleuraerguss, wie zuvor.", "Der kleine Pleuraerguss ist unverändert."),
    (
        "Comparison: CT of 14 March 2026.\nThe nodule is larger than on 14 March 2026.",
        "The nodule has grown since March 2026.",
    ),
    (
        "Comparison: CT of 14 March 2026.\nThe nodule is unchanged.",
        "The nodule is unchanged since March 2026.",
    ),
    ("The mass abuts the aorta.", "The mass is in contact with the aorta."),
    ("Vertebral body heights are preserved.", "Vertebral body heights are maintained."),
    ("The gallbladder is distended without stones.", "There are no gallstones."),
    (
        "The gallbladder is distended without stones.",
        "The gallbladder is distended and contains no stones.",
    ),
    (
        "Vergrößerter Lymphknoten paratracheal rechts, 14 mm im kurzen Durchmesser.",
        "Rechts paratracheal ein vergrößerter Lymphknoten, 14 mm.",
    ),
    (
        "Vergrößerter Lymphknoten paratracheal rechts, 14 mm im kurzen Durchmesser.",
        "Rechts paratracheal ein vergrößerter Lymphknoten mit 14 mm im kurzen Durchmesser.",
    ),
    ("Der Lappen ist 18 ml groß.", "Der Lappen hat ein Volumen von 18 ml."),
    ("Trachea mittelständig.", "Die Trachea liegt mittig."),
    (
        "Verschluss des M1-Segmentes der Arteria cerebri media rechts.",
        "Das M1-Segment der rechten Arteria cerebri media ist verschlossen.",
    ),
    (
        "Verschluss des M1-Segmentes der Arteria cerebri media rechts.",
        "Verschluss des M1-Segments der rechten Arteria cerebri media.",
    ),
    (
        "Occlusion of the M2 segment of the left middle cerebral artery.",
        "The M2 segment of the left middle cerebral artery is occluded.",
    ),
    ("Rechter Lappen 18 ml.", "Der rechte Lappen hat ein Volumen von 18 ml."),
    (
        "Rechter Schilddrüsenlappen 18 ml, linker 9 ml.",
        "Der linke Schilddrüsenlappen hat ein Volumen von 9 ml.",
    ),
    (
        "Nodule in the right lobe, TI-RADS 5.",
        "The nodule in the right lobe is classified as TI-RADS 5.",
    ),
    (
        "The lesion in segment 6 is LI-RADS 5.",
        "The lesion in segment 6 is categorized as LI-RADS 5.",
    ),
    ("The appendix is dilated without perforation.", "No perforation of the appendix."),
    (
        "Findings consistent with acute appendicitis.",
        "The appearance is compatible with acute appendicitis.",
    ),
    (
        "Unauffällige Darstellung von Milz und Pankreas.",
        "Milz und Pankreas sind unauffällig.",
    ),
    (
        "Deutliche Spinalkanalstenose L4/5.",
        "Auf Höhe L4/5 besteht eine deutliche Spinalkanalstenose.",
    ),
    ("Hematoma measuring 9 mm in maximal thickness.", "Hematoma with a maximum thickness of 9 mm."),
    ("The nodule is unchanged from 2023.", "The nodule is unchanged since 2023."),
    ("Abkippung um 15 Grad.", "Abkippung von 15 Grad."),
    ("Rightward midline shift of 4 mm.", "Midline shift of 4 mm to the right."),
    ("Die Milz stellt sich regelrecht dar.", "Milz regelrecht."),
    ("Leber und Milz regelrecht.", "Leber und Milz stellen sich regelrecht dar."),
    ("The left kidney measures 11.3 cm in length.", "The left kidney has a length of 11.3 cm."),
]

UNLIKE = [
    ("Es bestehen Hinweise auf eine Lungenembolie.", "Lungenembolie."),
    (
        "Es bestehen Hinweise auf eine Lungenembolie.",
        "Hinweise auf eine Lungenembolie bestehen nicht.",
    ),
    ("Es bestehen Hinweise auf eine Lungenembolie.", "Keine Lungenembolie."),
    ("Hinweise auf eine Lungenembolie bestehen nicht.", "Lungenembolie."),
    ("Hinweise auf eine Lungenembolie links bestehen nicht.", "Keine Lungenembolie."),
    ("Hinweise auf einen neuen Erguss bestehen nicht.", "Kein Erguss."),
    (
        "Hinweise auf einen Erguss bestehen nicht, wohl aber auf einen Pneumothorax.",
        "Kein Pneumothorax.",
    ),
    ("Hinweise auf einen Erguss bestehen nicht mehr.", "Kein Erguss war vorhanden."),
    (
        "Für einen Erguss besteht kein Anhalt, für einen Pneumothorax schon.",
        "Kein Pneumothorax.",
    ),
    ("Für einen Erguss rechts besteht kein Anhalt.", "Kein Erguss."),
    ("Für die Kontrolle gibt es keinen Hinweis.", "Kein Erguss."),
    ("Kein Anhalt für einen frischen Infarkt.", "Kein Infarkt."),
    ("Kein sicherer Anhalt für eine Fraktur.", "Keine Fraktur."),
    ("Consolidation may represent pneumonia.", "Pneumonia is present."),
    ("Consolidation may represent pneumonia.", "There is no pneumonia."),
    (
        "Consolidation may represent pneumonia or atelectasis.",
        "Consolidation may represent metastasis.",
    ),
    ("Consolidation could not represent pneumonia.", "Consolidation could be pneumonia."),
    (
        "Consolidation in the left lower lobe, possibly pneumonia.",
        "Consolidation in the left lower lobe, likely representing pneumonia.",
    ),
    (
        "Consolidation, likely representing pneumonia.",
        "Consolidation may represent pneumonia.",
    ),
    ("Consolidation, likely representing pneumonia.", "Pneumonia."),
    ("Consolidation unlikely represents pneumonia.", "Consolidation, likely pneumonia."),
    ("The right kidney and the ureter are both dilated.", "Both kidneys are dilated."),
    ("The right kidney and ureter are both dilated.", "The left ureter is dilated."),
    ("Both the right kidney and the bladder are normal.", "The left kidney is normal."),
    ("Both kidneys and the bladder are normal.", "The left ureter is normal."),
    ("The lateral meniscus is intact.", "The lateral meniscus is normal."),
    ("The lateral meniscus is normal in size.", "The lateral meniscus is intact."),
    ("The lateral meniscus is not normal.", "The lateral meniscus is intact."),
    ("The medial meniscus is normal.", "The lateral meniscus is intact."),
    ("The meniscus is nearly normal.", "The meniscus is intact."),
    ("Not enlarged as before.", "The heart is unchanged."),
    ("Effusion, not as large as before.", "The effusion is unchanged."),
    ("No effusion, as before.", "There is an effusion, unchanged."),
    ("Small effusion, as before; new pneumothorax.", "The pneumothorax is unchanged."),
    (
        "The mass is not in contact with the aorta.",
        "The mass is in contact with the aorta.",
    ),
    ("The mass contacts the aorta.", "The mass is not in contact with the aorta."),
    ("The mass contacts the aorta.", "The aorta is in contact with the vena cava."),
    (
        "The mass contacts the vena cava. Aorta normal.",
        "The mass is in contact with the aorta.",
    ),
    ("The gallbladder is distended without stones.", "There are no renal stones."),
    (
        "The gallbladder is possibly distended without stones.",
        "The gallbladder is distended.",
    ),
    ("The right kidney is enlarged without hydronephrosis.", "There is no hydronephrosis."),
    (
        "The right kidney is enlarged without hydronephrosis.",
        "There is no hydronephrosis of the left kidney.",
    ),
    ("The left ventricle is dilated without thrombus.", "There is no thrombus."),
    ("The gallbladder is not distended without stones.", "There are no gallstones."),
    ("The gallbladder is distended with stones.", "There are no gallstones."),
    ("The bowel is dilated without new obstruction.", "There is no bowel obstruction."),
    (
        "The kidney is enlarged without a mass of the upper pole.",
        "There is no mass of the kidney.",
    ),
    (
        "Occlusion of the M1 segment of the left middle cerebral artery.",
        "Occlusion of the M2 segment of the left middle cerebral artery.",
    ),
    (
        "Occlusion of the M1 segment of the left middle cerebral artery.",
        "Occlusion of the A1 segment of the left middle cerebral artery.",
    ),
    (
        "Kein Verschluss des M1-Segmentes rechts.",
        "Kein Verschluss der Arteria cerebri media.",
    ),
    ("Rechter Lappen 18 ml.", "Der linke Lappen hat ein Volumen von 18 ml."),
    ("Rechter Lappen 18 ml.", "Der rechte Lappen hat ein Volumen von 18 mm."),
    ("Zyste im rechten Lappen 18 ml.", "Der rechte Lappen hat ein Volumen von 18 ml."),
    ("Keine Einblutung.", "Keine Blutung."),
    (
        "Nodule in the left lobe, TI-RADS 5.",
        "The nodule in the left lobe is classified as TI-RADS 4.",
    ),
    (
        "Nodule in the left lobe, TI-RADS 5.",
        "The nodule in the right lobe is classified as TI-RADS 5.",
    ),
    (
        "Nodule previously classified as TI-RADS 3, now TI-RADS 5.",
        "The nodule is classified as TI-RADS 3.",
    ),
    (
        "Comparison: CT of 14 March 2026.\nThe nodule is unchanged.",
        "The nodule is unchanged since March 2025.",
    ),
    (
        "Comparison: CT of 14 March 2026.\nThe nodule is unchanged.",
        "The nodule is unchanged since April 2026.",
    ),
    ("Unauffällige Darstellung von Milz und Pankreas.", "Leber unauffällig."),
    (
        "Unauffällige Darstellung der Milz bei vergrößertem Pankreas.",
        "Pankreas unauffällig.",
    ),
    ("Keine unauffällige Darstellung der Milz.", "Milz unauffällig."),
    ("Stenose in Höhe L4/5.", "Stenose in Höhe L3/4."),
    ("Lymphknoten, 14 mm in der Kurzachse.", "Lymphknoten, 14 mm in der Längsachse."),
    (
        "Lymphknoten, 14 mm in der Kurzachse.",
        "Lymphknoten mit 41 mm Kurzachsendurchmesser.",
    ),
    ("Tumor mit einer Ausdehnung von 4 cm.", "Tumor mit einer Ausdehnung von 5 cm."),
    (
        "Tumor mit einer maximalen Ausdehnung von 4 cm.",
        "Tumor mit einer mittleren Ausdehnung von 4 cm.",
    ),
    (
        "Die Verdichtung könnte einer Pneumonie entsprechen.",
        "Die Verdichtung entspricht einer Pneumonie.",
    ),
    (
        "Die Verdichtung könnte keiner Pneumonie entsprechen.",
        "Die Verdichtung könnte einer Pneumonie entsprechen.",
    ),
    ("Trachea mittelständig.", "Die Trachea ist verlagert."),
    (
        "Consolidation less likely representing pneumonia.",
        "Consolidation, likely pneumonia.",
    ),
    (
        "Consolidation not likely representing pneumonia.",
        "Consolidation, likely pneumonia.",
    ),
    (
        "Consolidation, not possibly representing pneumonia.",
        "Consolidation, possibly pneumonia.",
    ),
    (
        "Consolidation more likely represents atelectasis than pneumonia.",
        "Consolidation, likely pneumonia.",
    ),
    (
        "Consolidation much less likely reflects pneumonia.",
        "Consolidation, likely pneumonia.",
    ),
    (
        "Neither the consolidation nor the nodule may represent pneumonia.",
        "The nodule may be pneumonia.",
    ),
    ("History: gallbladder distended without stones in 2019.", "There are no gallstones."),
    ("The gallbladder was distended without stones.", "There are no gallstones."),
    ("Indication: may represent pneumonia.", "Possible pneumonia."),
    ("The nodule is unchanged from 2023 (6 mm).", "The nodule measures 6 mm."),
    ("The nodule increased from 2020 to 2023.", "The nodule has increased since 2023."),
    ("The nodule is unchanged from 2023.", "The nodule is unchanged since 2021."),
    ("The nodule is not unchanged from 2023.", "The nodule is unchanged since 2023."),
    ("Aneurysma 4,2 cm, im Vergleich zu 2024 (3,9 cm) größer.", "Aneurysma 3,9 cm."),
    ("Hematoma measuring 9 mm in maximal thickness.", "Hematoma with a maximal thickness of 8 mm."),
    ("Hematoma measuring 9 mm in maximal thickness.", "Hematoma with a length of 9 mm."),
    ("Hematoma measuring 9 mm in length.", "Hematoma with a maximal thickness of 9 mm."),
    ("Rightward midline shift of 4 mm.", "Leftward midline shift of 4 mm."),
    ("Rightward midline shift of 4 mm.", "The midline is shifted to the left by 4 mm."),
    ("Abkippung um 15 Grad.", "Abkippung um 25 Grad."),
    ("Disc bulge at L5-S1 without stenosis.", "There is no stenosis at L4-L5."),
    ("Disc bulge at L5-S1 without stenosis.", "There is no stenosis."),
    (
        "Filling defect in the right lower lobe artery.",
        "Filling defect in the left lower lobe artery.",
    ),
]


def _passes(source: str, claim: str) -> bool:
    return check_sentence(claim, Evidence(texts=(SourceText("report", source),))).supported


@pytest.mark.parametrize(("source", "claim"), ALIKE)
def test_it_passes_in_other_words(source: str, claim: str) -> None:
    assert _passes(source, claim)


@pytest.mark.parametrize(("source", "claim"), UNLIKE)
def test_another_thing_is_withheld(source: str, claim: str) -> None:
    assert not _passes(source, claim)
