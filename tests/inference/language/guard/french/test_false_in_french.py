"""False French sentences, each aimed at a way in which the rules could misread French."""

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence

UNSUPPORTED = [
    # Doubt stands behind its noun, and goes for all that its phrase names.
    ("Fracture probable de la côte.", "Fracture de la côte."),
    ("Fracture de la malléole probable.", "Fracture de la malléole."),
    ("Une métastase est possible dans le foie.", "Métastase du foie."),
    ("Embolie pulmonaire douteuse.", "Embolie pulmonaire."),
    ("Embolie pulmonaire peu probable.", "Embolie pulmonaire probable."),
    ("Lésion évocatrice de métastase du foie.", "Métastase du foie."),
    ("Nodule hépatique suspect de malignité.", "Nodule hépatique malin."),
    ("Suspicion d'embolie pulmonaire.", "Embolie pulmonaire."),
    ("Embolie pulmonaire possible.", "Embolie pulmonaire certaine."),
    # Denials in two parts
    ("Le foie n'est pas augmenté de taille.", "Le foie est augmenté de taille."),
    ("Le foie n'est que modérément stéatosique.", "Le foie n'est pas stéatosique."),
    ("On ne retrouve plus le nodule pulmonaire.", "Nodule pulmonaire."),
    ("Il n'y a ni épanchement ni pneumothorax.", "Pneumothorax."),
    ("Pas d'épanchement pleural, fracture de la clavicule.", "Pas de fracture de la clavicule."),
    ("Embolie pulmonaire exclue.", "Embolie pulmonaire."),
    ("Une embolie pulmonaire ne peut être exclue.", "Pas d'embolie pulmonaire."),
    ("Une embolie pulmonaire ne peut être exclue.", "Embolie pulmonaire."),
    ("Embolie pulmonaire non exclue.", "Embolie pulmonaire."),
    ("Il n'y a pas de lésion osseuse suspecte.", "Il n'y a pas de lésion osseuse."),
    ("Sans métastase, mais avec ascite.", "Sans ascite."),
    ("Le rein gauche est absent.", "Le rein gauche est normal."),
    # Sides behind their nouns
    ("Kyste rénal droit et lithiase rénale gauche.", "Kyste rénal gauche."),
    ("Kyste du rein droit. Calcul du rein gauche.", "Calcul du rein droit."),
    ("Nodule à droite, absent à gauche.", "Nodule à gauche."),
    (
        "Épanchement pleural droit minime, pas d'épanchement gauche.",
        "Épanchement pleural gauche minime.",
    ),
    ("ACR 5 à gauche, ACR 2 à droite.", "ACR 5 à droite."),
    ("BI-RADS 5 on the left, BI-RADS 2 on the right.", "BI-RADS 5 on the right."),
    ("Oreillette gauche dilatée.", "Oreillette droite dilatée."),
    # Numbers with commas, dates with the day first
    ("Nodule pulmonaire de 1,2 cm.", "Nodule pulmonaire de 12 cm."),
    ("Nodule pulmonaire de 1,25 cm.", "Nodule pulmonaire de 125 cm."),
    ("Nodule pulmonaire de moins de 8 mm.", "Nodule pulmonaire de 8 mm."),
    ("Nodule pulmonaire de plus de 8 mm.", "Nodule pulmonaire de 8 mm."),
    ("L'aorte mesure jusqu'à 41 mm.", "L'aorte mesure 41 mm."),
    ("Nodule de 12 mm contre 8 mm précédemment.", "Nodule de 8 mm."),
    ("Nodule stable depuis le 04/05/2023.", "Nodule stable depuis le 05/04/2023."),
    ("Nodule stable depuis mars 2023.", "Nodule stable depuis mai 2023."),
    ("Fracture de la 6e côte gauche.", "Fracture de la 7e côte gauche."),
    ("Fracture de D12.", "Fracture de D11."),
    ("Deux nodules hépatiques.", "Trois nodules hépatiques."),
    ("Nodule hépatique.", "Nodules hépatiques."),
    ("Certains nodules hépatiques sont calcifiés.", "Les nodules hépatiques sont calcifiés."),
    # Time and other people
    ("Antécédent d'embolie pulmonaire.", "Embolie pulmonaire."),
    ("Il y a 5 ans, embolie pulmonaire.", "Embolie pulmonaire."),
    ("Recherche d'embolie pulmonaire.", "Embolie pulmonaire."),
    ("Indication : embolie pulmonaire.\nRésultats : examen normal.", "Embolie pulmonaire."),
    ("Antécédents familiaux : cancer du sein chez la mère.", "Cancer du sein."),
    ("L'épanchement pleural a disparu.", "Épanchement pleural."),
    ("Le cathéter a été retiré.", "Cathéter en place."),
    ("Fractures anciennes des côtes.", "Fractures des côtes."),
    # Who does what
    ("L'hématome comprime le ventricule latéral.", "Le ventricule latéral comprime l'hématome."),
    # Words of other languages, and words that nobody knows
    ("Côté droit : fracture.", "Fracture de la côte droite."),
    ("Rate de filtration normale.", "Rate normale."),
    ("Le nodule hépatique est artéfactuel.", "Nodule hépatique."),
    ("Nodule hépatique. Rétracté.", "Nodule hépatique visible."),
    ("Nodule du lobe supérieur droit.", "Nodule of the left upper lobe."),
    ("Nodule of the left upper lobe.", "Nodule du lobe supérieur droit."),
    ("Knoten im linken Oberlappen.", "Nodule du lobe supérieur droit."),
]


@pytest.mark.parametrize(("source", "claim"), UNSUPPORTED)
def test_it_is_withheld(source: str, claim: str) -> None:
    assert not check_sentence(claim, Evidence(texts=(SourceText("report", source),))).supported
