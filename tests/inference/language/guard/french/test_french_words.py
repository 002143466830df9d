"""French words in English, each as the concept whose file names it."""

import pytest

from inference.language.guard.french.sentences import in_english, is_french
from inference.language.guard.lexicon import NAMES, read_data
from inference.language.guard.reading import read

# English reads the one as the other.
ALIKE = {"hematoma": "hemorrhage", "calcified": "calcification", "nodular": "nodule"}
FORMS = [
    (concept, form.partition(">")[0].strip().replace("~", ""), given.get("expands", ()))
    for name, _ in NAMES
    for concept, given in read_data(name).items()
    for form in str(given.get("fr", "")).split("|")
    if form
]


def test_each_french_name_is_read_as_its_concept() -> None:
    misread = []
    for concept, form, expands in FORMS:
        said = in_english(f"avec {form}", otherwise=True)
        named = {word.entry.concept for word in read(said).words}
        if not named & {concept, ALIKE.get(concept, concept), *expands}:
            misread.append((form, said))
    assert not misread


@pytest.mark.parametrize(
    ("french", "english"),
    [
        ("Il n'y a pas d'épanchement pleural.", "there is no pleural effusion."),
        ("Kystes du rein droit.", "cysts of the kidney right."),
        ("Fracture probable de la clavicule.", "probable fracture of the clavicle."),
        ("Une métastase est possible.", "a possible metastasis is present."),
        ("Calcul de 1,2 cm du rein.", "stone of 1.2 cm in the kidney."),
        ("Nodule stable depuis le 4 mars 2023.", "nodule stable since the 4 March 2023."),
        ("Hernie discale L4-L5.", "disc herniation L4-L5."),
        ("LÉSION DU FOIE", "lesion of the liver"),
        ("ABCES DU FOIE", "abscess of the liver"),
    ],
)
def test_a_sentence_is_read_word_by_word(french: str, english: str) -> None:
    assert in_english(french, otherwise=True) == english


def test_a_word_that_is_not_known_is_none_of_english_either() -> None:
    assert in_english("Le foie est large.") == "the liver is zfrlarge."


@pytest.mark.parametrize(
    "sentence",
    [
        "No pleural effusion on the left.",
        "Main pancreatic duct is not dilated.",
        "Kein Nachweis einer Fraktur.",
        "Le liver is large.",
        "Normal.",
        "Fracture.",
    ],
)
def test_other_languages_are_left_alone(sentence: str) -> None:
    assert not is_french(sentence)
    assert in_english(sentence) == sentence
