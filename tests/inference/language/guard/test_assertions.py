"""Sentences held against a report as assertions: six ways to be wrong, and what is faithful."""

import time

import pytest

from inference.language.guard import Evidence, SourceText, StudyFacts, check_sentence
from inference.language.guard.assertions.assertion import EXTENT
from inference.language.guard.assertions.reading.parse import parse
from inference.language.guard.sentences import split_sentences

REPORT = """CT of the chest and abdomen

Clinical history: 58-year-old man with weight loss.
Comparison: CT of 2023-06-19.

Findings:
Lungs: Lobulated mass in the left lower lobe, 6.1 x 4.3 cm, previously 4.9 x 3.6 cm. Unchanged 5 mm
nodule in the middle lobe. No cavitation.
Mediastinum: The mass displaces the esophagus. No enlarged hilar or subcarinal lymph nodes.
Pleura: Right pleural thickening.
Spleen: Cyst of the upper pole, 2.2 cm. Infarction cannot be ruled out.
Kidneys: No hydronephrosis. The right kidney measures 10.4 cm, the left kidney 11.9 cm.
Bones: Old fracture of the left clavicle. No lytic lesion.
Gastric contrast shows normal progression into the duodenum. The pelvis was not evaluated.
The previous left pleural effusion has resolved.

Impression:
Left lower lobe mass, suspicious for carcinoma.
"""
BEFUND = """CT Hals

Voruntersuchung: CT vom 08.02.2023.

Vergrößerter Lymphknoten rechts zervikal, 17 x 12 mm (Voruntersuchung 11 x 9 mm). Keine Nekrose.
Der Knoten komprimiert die Vena jugularis. Zyste im linken Schilddrüsenlappen, 8 mm. Ein Abszess
ist nicht auszuschließen. Keine supraklavikulären oder axillären Lymphknotenvergrößerungen. Die
Lungenspitzen wurden nicht beurteilt.
"""
STUDY = StudyFacts(study_date="20240304", modalities=("CT",))
ENGLISH = Evidence(texts=(SourceText("report", REPORT),), study=STUDY)
GERMAN = Evidence(texts=(SourceText("befund", BEFUND),), study=STUDY)

UNKNOWN_PREDICATES = (
    "The lungs are clear.",
    "The lungs look good.",
    "The spleen is unremarkable.",
    "The abdomen is normal.",
    "Both kidneys are healthy.",
    "The bones are sound.",
    "The mediastinum is free.",
)
NEGATIONS = (
    "Cavitation has not been ruled out.",
    "Cavitation is not absent.",
    "The absence of hydronephrosis could not be shown.",
    "Hydronephrosis cannot be excluded.",
    "Splenic infarction has been ruled out.",
    "There is no splenic infarction.",
    "It was not possible to exclude lytic lesions.",
    "There is no lack of hydronephrosis.",
    "Not without cavitation.",
)
WITHOUT_A_PRIOR = (
    "The splenic cyst remains in the upper pole.",
    "The splenic cyst is still 2.2 cm.",
    "Again seen is right pleural thickening.",
    "Persistent fracture of the left clavicle.",
    "The pleural thickening is unchanged.",
    "New cyst of the spleen.",
)
SIZES = (
    "The left lower lobe mass measures 6.1 x 6.1 cm.",
    "The left lower lobe mass measures 4.3 cm.",
    "The left lower lobe mass measures 6.1 cm.",
    "The left lower lobe mass measures 4.9 x 3.6 cm.",
    "The mass has decreased from 6.1 x 4.3 cm to 4.9 x 3.6 cm.",
    "The mass measured 6.1 x 4.3 cm previously.",
    "The right kidney measures 11.9 cm.",
    "The left kidney is smaller than the right.",
    "The cyst of the spleen measures 2.2 mm.",
)
ROLES = (
    "The esophagus displaces the mass.",
    "Left pleural thickening.",
    "Left lower lobe mass with pleural thickening.",
    "The middle lobe nodule is lobulated.",
    "The middle lobe nodule is suspicious for carcinoma.",
    "Cyst of the upper pole of the left kidney.",
    "The mass contains a cyst.",
    "Fracture of the clavicle with a lytic lesion.",
    "Carcinoma of the left lower lobe.",
)
OUT_OF_CONTEXT = (
    "Progression.",
    "Normal progression of the mass.",
    "No contrast.",
    "The duodenum is normal.",
    "Weight loss of 58 kg.",
)
FAITHFUL = (
    "The left lower lobe mass has grown from 4.9 x 3.6 cm to 6.1 x 4.3 cm.",
    "The mass previously measured 4.9 x 3.6 cm.",
    "The mass in the left lower lobe is larger than before.",
    "The right kidney is smaller than the left.",
    "The left pleural effusion has resolved.",
    "There is no longer a left pleural effusion.",
    "No hilar or subcarinal lymphadenopathy.",
    "Neither hilar nor subcarinal lymph nodes are enlarged.",
    "There is a lobulated mass in the left lower lobe and an unchanged nodule in the middle lobe.",
    "The mass displaces the esophagus.",
    "The oesophagus is displaced by the mass.",
    "Splenic infarction has not been ruled out.",
    "There is no hydronephrosis on either side.",
    "The pelvis was not evaluated.",
    "Right-sided pleural thickening without cavitation.",
    "The clavicular fracture on the left is old.",
)
GERMAN_FALSE = (
    "Eine Nekrose ist nicht ausgeschlossen.",
    "Ein Abszess ist ausgeschlossen.",
    "Kein Abszess.",
    "Der Lymphknoten misst 17 x 17 mm.",
    "Der Lymphknoten misst 11 x 9 mm.",
    "Die Vena jugularis komprimiert den Knoten.",
    "Zyste im rechten Schilddrüsenlappen.",
    "Die Zyste ist größenkonstant.",
    "Die Lungenspitzen sind frei.",
    "Der Hals ist unauffällig.",
    "Keine Lymphknotenvergrößerungen.",
)
GERMAN_FAITHFUL = (
    "Der rechte zervikale Lymphknoten ist von 11 x 9 mm auf 17 x 12 mm gewachsen.",
    "Keine axilläre Lymphadenopathie.",
    "Ein Abszess kann nicht ausgeschlossen werden.",
    "Zyste im linken Schilddrüsenlappen von 8 mm.",
    "Die Lungenspitzen wurden nicht beurteilt.",
    "Der Knoten komprimiert die Vena jugularis.",
)


@pytest.mark.parametrize(
    "sentence",
    [*UNKNOWN_PREDICATES, *NEGATIONS, *WITHOUT_A_PRIOR, *SIZES, *ROLES, *OUT_OF_CONTEXT],
)
def test_what_the_report_does_not_say_is_withheld(sentence: str) -> None:
    verdict = check_sentence(sentence, ENGLISH)
    assert not verdict.supported
    assert verdict.reasons


@pytest.mark.parametrize("sentence", FAITHFUL)
def test_what_it_says_in_other_words_passes(sentence: str) -> None:
    verdict = check_sentence(sentence, ENGLISH)
    assert verdict.supported, verdict.reasons
    assert verdict.source_spans


@pytest.mark.parametrize("sentence", GERMAN_FALSE)
def test_what_a_german_report_does_not_say_is_withheld(sentence: str) -> None:
    assert not check_sentence(sentence, GERMAN).supported


@pytest.mark.parametrize("sentence", GERMAN_FAITHFUL)
def test_what_a_german_report_says_passes(sentence: str) -> None:
    verdict = check_sentence(sentence, GERMAN)
    assert verdict.supported, verdict.reasons


def test_a_sentence_becomes_typed_assertions() -> None:
    (mass,) = parse("Lobulated mass in the left lower lobe, 6.1 x 4.3 cm.").assertions
    assert mass.observation == "mass"
    assert mass.place.anatomy == {"lower_lobe"}
    assert mass.place.sides == {"left"}
    assert mass.attributes == {"lobulated"}
    assert [axis.value for axis in mass.extents[0].axes] == [6.1, 4.3]
    (kidney,) = parse("The right kidney measures 10.4 cm.").assertions
    assert (kidney.observation, kidney.state) == (EXTENT, True)
    _, relation = parse("The mass displaces the esophagus.").assertions
    assert relation.agent is not None
    assert relation.agent.concept == "mass"
    assert relation.place.anatomy == {"esophagus"}


def test_levels_of_the_spine_are_no_numbers() -> None:
    (disc,) = parse("Disc protrusion at L4/5.").assertions
    assert disc.place.levels == {"level:l4/l5"}
    source = Evidence(texts=(SourceText("r", "Anterolisthesis of L4 on L5. L5/S1: No stenosis."),))
    assert check_sentence("Anterolisthesis of L4 on L5.", source).supported
    assert not check_sentence("Anterolisthesis of L5 on L4.", source).supported
    assert not check_sentence("No stenosis.", source).supported


def test_a_word_that_has_no_part_in_an_assertion_is_not_understood() -> None:
    assert (
        parse("The mass whatever.").not_understood
        or parse("The mass whatever.").assertions[0].needed
    )
    assert parse("If the mass grows, biopsy.").not_understood


def test_a_size_of_a_cyst_is_not_that_of_the_lesion_beside_it() -> None:
    source = Evidence(
        texts=(SourceText("r", "Lesion in the liver, 31 mm. Cyst of the liver, 9 mm."),)
    )
    assert check_sentence("The lesion measures 31 mm.", source).supported
    assert not check_sentence("The lesion measures 9 mm.", source).supported


def test_a_report_of_sixty_sentences_is_judged_within_a_second() -> None:
    lines = [
        f"There is a {size} mm nodule in the {side} {lobe} lobe. No effusion on the {side}."
        for size in range(4, 14)
        for side, lobe in (("left", "upper"), ("right", "lower"), ("left", "lower"))
    ]
    text = "\n".join(lines)
    evidence = Evidence(texts=(SourceText("long", text),))
    started = time.process_time()
    verdicts = [check_sentence(text[start:end], evidence) for start, end in split_sentences(text)]
    assert time.process_time() - started < 1.0
    assert len(verdicts) == 60
