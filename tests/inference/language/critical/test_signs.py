"""Signs that a report describes without the name of the finding."""

import pytest

from inference.language.missing import missing_of_texts


@pytest.mark.parametrize(
    ("language", "sentence", "concept"),
    [
        ("en", "The trachea and the mediastinum are displaced to the right.", "mediastinal_shift"),
        ("en", "The celiac trunk and the SMA do not opacify.", "mesenteric_vessel_occlusion"),
        ("en", "Both temporal horns are ballooned.", "hydrocephalus"),
        ("en", "The septum pellucidum is bowed by 8 mm.", "midline_shift"),
        ("en", "The thoracic cord shows edema at T5.", "cord_signal_change"),
        ("en", "The wall of the gallbladder is thick; gas lies in the gallbladder wall.",
         "emphysematous_infection"),
        ("de", "Das Septum pellucidum ist um 7 mm verlagert.", "midline_shift"),
        ("de", "Die Magensonde liegt im linken Hauptbronchus.", "feeding_tube_malposition"),
        ("de", "Fruchthöhle im rechten Eileiter.", "ectopic_pregnancy"),
        ("de", "Rechts zeigt sich eine Pleuralinie ohne Lungenzeichnung.", "pneumothorax"),
    ],
)  # fmt: skip
def test_a_sign_is_named_where_it_is_left_out(language: str, sentence: str, concept: str) -> None:
    missing = missing_of_texts([("text", sentence)], [], language)
    assert concept in {one.concept for it in missing for one in it.concepts}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "The mediastinum is not displaced."),
        ("en", "The superior mesenteric artery opacifies well."),
        ("en", "No gas in the gallbladder wall."),
        ("de", "Das Septum pellucidum ist nicht verlagert."),
        ("de", "Die Magensonde liegt im Magen."),
        ("de", "Keine Mediastinalverlagerung."),
    ],
)
def test_a_denied_sign_is_not(language: str, sentence: str) -> None:
    assert missing_of_texts([("text", sentence)], [], language) == ()
