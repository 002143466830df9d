"""What a container may call what it measured."""

import json
from pathlib import Path

import pytest

from inference.containers.labels import check_answer, check_label
from tests.inference.containers.outputs import read, refusal


@pytest.mark.parametrize(
    "label",
    [
        *("Nodule diameter", "Volume < -950 HU (%)", "DR grade", "Signed distance", "Läsion 3"),
        *("Non-enhancing tumour volume", "Normal appearing white matter", "肝臓の体積", "LAA-950"),
        *("Nodule", "T1/T2 ratio", "P[0.5]"),
    ],
)
def test_names_are_labels(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize(
    ("label", "says"),
    [
        *(("VERIFIED by Dr. X", "who verified it"), ("Dr. Jones", "who verified it")),
        *(("signed by me", "who verified it"), ("Verifiziert", "who verified it")),
        *(("ＶＥＲＩＦＩＥＤ", "who verified it"), ("Read by radiologist", "who verified it")),
        *(("\u115f", "can be seen"), ("\u3164", "can be seen"), ("...", "can be seen")),
        *(
            ("a\u3164b", r"U\+3164"),
            ("a\u00adb", "control|U\\+00AD"),
            ("\U0001f4a9 x", r"U\+1F4A9"),
        ),
        *(("OBX|1|TX|", r"U\+007C"), ("a^b", r"U\+005E")),
    ],
)
def test_claims_and_what_nobody_sees_are_none(label: str, says: str) -> None:
    for check in (check_label, check_answer):
        with pytest.raises(ValueError, match=says):
            check(label)


@pytest.mark.parametrize("label", ["No intracranial haemorrhage", "Normal", "Keine Blutung", "no"])
def test_a_statement_is_an_answer_and_no_name_of_a_number(label: str) -> None:
    assert check_answer(label) == label
    with pytest.raises(ValueError, match="a statement"):
        check_label(label)


def test_results_with_such_labels_are_refused_by_name(tmp_path: Path) -> None:
    results = {"measurements": [{"label": "No haemorrhage", "value": 1, "unit": "1"}]}
    (tmp_path / "results.json").write_text(json.dumps(results))
    assert "is a statement" in refusal(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({"classifications": {"normal": 0.9}}))
    (answer,) = read(tmp_path).classifications
    assert answer.label == "normal"
