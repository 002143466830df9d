"""A request is no result, however it is phrased."""

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence


def is_supported(sentence: str, report: str) -> bool:
    return check_sentence(sentence, Evidence(texts=(SourceText("report", report),))).supported


@pytest.mark.parametrize(
    ("report", "sentences"),
    [
        ("Rule out appendicitis.", ["Appendicitis is ruled out.", "No appendicitis."]),
        ("Findings: Rule out appendicitis. Normal liver.", ["No appendicitis."]),
        ("CT abdomen, rule out appendicitis.", ["No appendicitis."]),
        ("- Rule out deep vein thrombosis.", ["No deep vein thrombosis."]),
        (
            "Rule out subarachnoid hemorrhage. Hyperdensity in the basal cisterns.",
            ["No subarachnoid hemorrhage."],
        ),
        ("Exclude aortic dissection with CTA.", ["No aortic dissection."]),
        ("Recommend CTA. Exclude aortic dissection.", ["No aortic dissection."]),
        ("Exclude subdural hematoma.", ["No subdural hematoma."]),
        ("Ausschluss Lungenembolie.", ["Keine Lungenembolie.", "Lungenembolie ausgeschlossen."]),
    ],
)
def test_what_is_asked_for_is_not_denied(report: str, sentences: list[str]) -> None:
    assert [one for one in sentences if is_supported(one, report)] == []


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ("CT rules out pulmonary embolism.", "No pulmonary embolism."),
        ("CT excludes pulmonary embolism.", "No pulmonary embolism."),
        ("Appendicitis ruled out.", "No appendicitis."),
        ("Lungenembolie ausgeschlossen.", "Keine Lungenembolie."),
    ],
)
def test_what_was_ruled_out_is(report: str, sentence: str) -> None:
    assert is_supported(sentence, report)
