"""Sentences made to pass wrongly, by what they do with negation, sides, change and numbers."""

from pathlib import Path

import pytest
import yaml

from benchmarks.faithfulness.evidence import measured, reported
from inference.language.guard import check_sentence
from tests.shared import MISSING

HOSTILE = yaml.safe_load((Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", HOSTILE)
def test_none_passes(source: str) -> None:
    evidence = (measured() | reported()).get(source)
    if evidence is None:
        pytest.skip(f"{MISSING}{source}")
    assert HOSTILE[source]
    passed = [one for one in HOSTILE[source] if check_sentence(one, evidence).supported]
    assert passed == []
