"""Sentences as other people might write them of the same reports: what is true passes."""

from pathlib import Path

import yaml

from benchmarks.faithfulness.evidence import reported
from inference.language.guard import Evidence, SourceText, check_sentence
from tests.shared import shared_folder

SENTENCES = yaml.safe_load(Path(__file__).with_name("paraphrases.yaml").read_text(encoding="utf-8"))


def passed(group: str) -> list[str]:
    shared_folder("data/reports")
    evidence = reported()
    return [
        sentence
        for name, groups in SENTENCES.items()
        for sentence in groups[group]
        if check_sentence(sentence, evidence[name]).supported
    ]


def test_what_the_reports_say_in_other_words_passes() -> None:
    assert passed("faithful") == [
        one for groups in SENTENCES.values() for one in groups["faithful"]
    ]


def test_what_they_do_not_say_is_withheld() -> None:
    assert passed("false") == []


def test_a_kind_is_told_by_its_wider_name_and_denied_with_it() -> None:
    """Never the other way: a lesion is no nodule, and no mass is not yet no lesion."""

    def says(source: str, sentence: str) -> bool:
        return check_sentence(sentence, Evidence(texts=(SourceText("r", source),))).supported

    assert says("A nodule in the left upper lobe.", "Lesion in the left upper lobe.")
    assert not says("A lesion in the left upper lobe.", "Nodule in the left upper lobe.")
    assert says("No involvement of the chest wall.", "The chest wall is not invaded.")
    assert not says("No invasion of the chest wall.", "The chest wall is not involved.")
    assert not says("No nodule in the left upper lobe.", "No lesion in the left upper lobe.")
    assert not says("A nodule in the left upper lobe.", "Lesions in the left upper lobe.")
    assert not says("Possible nodule in the left upper lobe.", "Lesion in the left upper lobe.")
    assert not says("A nodule in the left upper lobe.", "Lesion in the right upper lobe.")
