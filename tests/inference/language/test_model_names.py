"""A small model finds names and places that no rule knows, and leaves medicine where it is."""

from pathlib import Path

import pytest

from inference.language import deid, model_names, rampart
from inference.language.deid import deidentified
from inference.language.identifying import by_context
from inference.refusals import ModelUnusable
from storage.settings import Settings


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Zuletzt in Obermarkwitz behandelt.", "Obermarkwitz"),
        ("Der Befund ging an Ngozi Adebayowale und an die Station.", "Ngozi"),
        ("Der Befund ging an Ngozi Adebayowale und an die Station.", "Adebayowale"),
        ("lives alone in tumbridge falls, daughter visits", "tumbridge"),
        ("seen with theodelinda vancroft before the scan, no pain", "vancroft"),
    ],
)
def test_who_and_where_no_list_knows_is_taken_out(text: str, name: str) -> None:
    assert name not in deidentified(Settings(), text, {})["text"]


def test_a_span_says_that_the_model_found_it() -> None:
    text = "Zuletzt in Obermarkwitz behandelt."
    assert list(by_context(text, is_released=True)) == []
    answer = deidentified(Settings(), text, {})
    (span,) = answer["spans"]
    assert (span["text"], span["kind"], span["source"]) == ("Obermarkwitz", "ADDRESS", "model")
    assert (answer["method"], answer["model"]) == ("model", rampart.PACKAGE)
    assert "a person has to read it" in answer["notes"][0]
    assert f"{rampart.PACKAGE} {rampart.REVISION}" in answer["notes"][0]


def test_where_two_models_looked_both_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").mkdir()
    monkeypatch.setattr(deid, "load_model", lambda settings, task: lambda text: [])
    settings = Settings(hf_deid_model=str(tmp_path / "large"))
    answer = deidentified(settings, "Zuletzt in Obermarkwitz behandelt.", {})
    assert "Obermarkwitz" not in answer["text"]
    assert answer["model"] == "large"
    assert f"{rampart.PACKAGE} {rampart.REVISION}" in answer["notes"][0]
    monkeypatch.setattr(rampart, "folder", lambda: None)
    assert deidentified(settings, "Dr. Miller", {})["notes"] == []


@pytest.mark.parametrize(
    "report",
    [
        "Coombs negativ, Rhesus positiv. Payr und Steinmann negativ, Mennell beidseits positiv.",
        "Koller-Tasche und Calot-Dreieck frei. Faden ex am Rippenbogen. Kein Bildschirm.",
        "Torem 10 mg, Jurnista, Vicryl-Naht; Somatom Definition, Isolette, Aixplorer.",
        "Zustand nach Nissen-Fundoplikatio, Garden III, Outerbridge IV, Bassini.",
        "Nasal pillows, size m. Suprahyoid neck normal. Keine axilläre Lymphadenopathie, nativ.",
        "apixaban and amlodipine were stopped. Trendelenburg positive, Gamma nail in place.",
    ],
)
def test_medicine_and_makers_are_no_names(report: str) -> None:
    model = rampart.loaded()
    assert model is not None
    assert [report[start:end] for _, start, end in model_names.names(report, [], model)] == []


def test_of_a_long_text_the_model_reads_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_names, "MOST_WINDOWS", 2)
    seen = "Der Befund ging an Ngozi Adebayowale und an die Station."
    text = f"{seen} {'kein weiterer Befund ' * 20}in Untermarkwitz."
    answer = deidentified(Settings(), text, {})
    assert "Adebayowale" not in answer["text"]
    assert "Untermarkwitz" in answer["text"]
    assert any("in parts" in note for note in answer["notes"])


def test_without_the_package_rules_alone_answer_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rampart, "folder", lambda: None)
    answer = deidentified(Settings(), "Seen by Dr. Miller.", {})
    assert (answer["text"], answer["method"], answer["model"]) == (
        "Seen by Dr. [NAME].", "patterns", "",
    )  # fmt: skip
    assert "rules and header values alone" in answer["notes"][0]
    assert rampart.PACKAGE in answer["notes"][0]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model_q4.onnx").write_bytes(b"other weights")
    with pytest.raises(ModelUnusable, match=r"model_q4\.onnx that was proven"):
        rampart.Rampart(tmp_path)
