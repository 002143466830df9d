"""Steps as text: read and written with their series undecoded, in both databases."""

from typing import Any

import pytest

from storage.container import Storage
from storage.db.json_text import JsonText
from storage.mpps.senders import Sender
from storage.mpps.step_text import decoded, encoded, undecoded

SERIES = "00400340"
ITEM = {"0020000E": {"vr": "UI", "Value": ["1.2.3"]}}
NAMED = {SERIES: {"vr": "SQ", "Value": [ITEM]}}
# What looks like the series of a step: as a value, and within another sequence.
ODD = {
    "00400254": {"vr": "LO", "Value": [',  "00400340":  {"vr": "SQ"}} Ä \U0001f600']},
    "00400270": {"vr": "SQ", "Value": [NAMED]},
}


@pytest.mark.parametrize("attributes", [{}, NAMED, ODD, {**NAMED, **ODD}])
def test_a_step_is_read_as_it_was_written(attributes: dict[str, Any]) -> None:
    text = encoded(attributes)
    found = undecoded(text)
    assert decoded(found) == attributes
    assert isinstance(found.get(SERIES), JsonText) == (len(attributes) == 3)
    assert encoded(found) == text


def test_series_are_kept_as_text(storage: Storage) -> None:
    steps, sender = storage.procedure_steps, Sender("", "CT1")
    steps.create("1.5", sender, {**NAMED, **ODD}, set(), {})
    before = steps.of_sender("1.5", sender)
    assert isinstance(before.attributes[SERIES], JsonText)
    changed = {**before.attributes, "00400254": {"vr": "LO", "Value": ["Thorax"]}}
    steps.change("1.5", sender, "IN PROGRESS", changed, set(), None, known=before)
    assert steps.get("1.5").attributes == decoded(changed)
    assert decoded(steps.of_sender("1.5", sender).attributes) == decoded(changed)
