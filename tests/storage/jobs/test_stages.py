"""What a running job is doing, in the languages of the viewer."""

import re
from pathlib import Path

import pytest

from storage.jobs.stages import STAGES, stage_in_words

ROOT = Path(__file__).parents[3]
_REPORTED = re.compile(r'(?:on_progress|progress\.stage|progress\.report)\(\s*"(\w+)"')


def test_every_stage_that_is_reported_has_a_sentence() -> None:
    files = (ROOT / "inference").rglob("*.py")
    reported = {name for file in files for name in _REPORTED.findall(file.read_text())}
    assert {"loading", "segment", "container"} <= reported
    assert reported - STAGES.keys() == set()
    # A model names others itself.
    assert stage_in_words("fold_2") == "Fold 2."


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_sentence_is_translated(language: str) -> None:
    text = (ROOT / f"viewer/shared/i18n/{language}/stages.ts").read_text()
    assert set(re.findall(r'^  (?:"")?(\w*): ".+",$', text, re.MULTILINE)) == STAGES.keys()
