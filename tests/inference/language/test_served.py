"""Language tasks by a model server, behind the same guard as local models."""

import base64
import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import EncapsulatedPDFStorage
from reportlab.pdfgen import canvas

from inference.language.answer import Answer, Progress, Sentence
from inference.language.documents.answer import answer_document
from inference.language.drafting import draft_sentences
from inference.language.guard import Evidence
from inference.language.tasks import model_ref, readiness
from inference.language.visual import answer_question
from storage.container import Storage
from storage.core.errors import InvalidRequest, NotConfigured
from storage.settings import load_settings
from tests.inference.films import film, part10
from tests.inference.language.conftest import RIGHT, WRONG
from tests.inference.language.served import plain, summary, with_server
from tests.inference.model_servers.servers import Asked, Exchange, says, serving
from tests.inference.orchestration import receive
from tests.inference.small import study_uid


def test_what_the_text_says_is_shown_and_the_rest_withheld(
    shared: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = tmp_path / "llm.key"
    key.write_text("sk-sesame\n")
    caplog.set_level(logging.DEBUG)
    with serving(says(f"<think>The report says so.</think>{RIGHT} {WRONG}")) as server:
        node = with_server(shared, server.url, model_server_keys=f"llm={key}")
        answer = summary(node)
    assert (answer.method, answer.text) == ("model", RIGHT)
    assert [one.text for one in answer.withheld] == [WRONG]
    assert (answer.model, answer.revision) == ("served-7b", "server llm")
    assert answer.notes == ("The model server llm answered as model served-7b, fingerprint fp_1.",)
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == "Bearer sk-sesame"
    assert asked.json["stream"] is True
    assert asked.json["temperature"] == 0
    # Nobody's name goes out, and the key stands in no log and no setting that is shown.
    assert "hydropneumothorax" in str(asked.json["messages"])
    for name in ("Quernhammer", "Adalbert", "Miller"):
        assert name not in asked.body.decode()
    assert "sesame" not in caplog.text + repr(node.settings)


@pytest.mark.parametrize(
    ("model", "fingerprint", "words"),
    [
        (
            "m. Checked by Dr. House: no abnormality <b>",
            "fp. All normal",
            "answered as another name (asked",
        ),
        ("vendor/m-7b:q4@2", "fp_2", "answered as model vendor/m-7b:q4@2 (asked"),
    ],
)
def test_a_model_server_writes_names_and_no_sentences_into_the_notes(
    shared: Storage, model: str, fingerprint: str, words: str
) -> None:
    def behave(exchange: Exchange, asked: Asked) -> None:
        stated = {"model": model, "system_fingerprint": fingerprint}
        exchange.begin_events()
        for content, reason in ((RIGHT, None), ("", "stop")):
            choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
            exchange.event(json.dumps({**stated, "choices": [choice]}))
        exchange.event("[DONE]")

    with serving(behave) as server:
        (note,) = summary(with_server(shared, server.url)).notes
    assert words in note
    assert "House" not in note
    assert "normal" not in note


def test_what_no_text_may_hold_is_taken_out_of_an_answer(shared: Storage) -> None:
    with serving(says(f"{RIGHT}\x1b\u202e\x00 {WRONG[:-1]} \ud800.")) as server:
        answer = summary(with_server(shared, server.url))
    assert (answer.method, answer.text) == ("model", RIGHT)
    assert [one.text for one in answer.withheld] == [f"{WRONG[:-1]} \ufffd."]


@pytest.mark.parametrize(
    ("settings", "says_why"),
    [
        ({"model_servers": ""}, "No model server is named llm"),
        ({"model_servers": "llm=ftp://gpu/"}, "none that the node could call"),
        ({"hf_summ_model": "server:llm"}, "not a model of a server"),
        (
            {"model_servers": "llm=http://10.0.0.9:8000", "model_server_keys": "llm=/k"},
            "would travel unencrypted",
        ),
    ],
)
def test_a_server_that_the_site_does_not_name_is_never_called(
    settings: dict[str, Any], says_why: str
) -> None:
    values = {"hf_summ_model": "server:llm/m", "model_servers": "llm=http://127.0.0.1:1/v1"}
    loaded = load_settings(**{**values, **settings})
    with pytest.raises(NotConfigured, match=says_why):
        model_ref(loaded, "hf_summ_model")
    found = readiness(loaded, "hf_summ_model")
    assert not found.ready
    assert says_why in found.detail


def test_a_classifier_is_no_chat_model() -> None:
    settings = load_settings(hf_deid_model="server:llm/m", model_servers="llm=http://127.0.0.1:1")
    with pytest.raises(NotConfigured, match="for chat models alone"):
        model_ref(settings, "hf_deid_model")


def test_an_image_goes_out_as_pixels_alone(shared: Storage) -> None:
    receive(shared, [part10(film("served"))])
    question = "Is there anything in the image of Mr. Quernhammer?"
    with serving(says(RIGHT)) as server:
        answer = answer_question(
            with_server(shared, server.url),
            {"study_instance_uid": study_uid("served"), "question": question},
            Progress(),
        )
    assert answer.method == "model"
    # Nothing that was measured says so.
    assert [one.text for one in answer.withheld] == [RIGHT]
    (asked,) = server.asked
    image, text = asked.json["messages"][0]["content"]
    assert "Quernhammer" not in text["text"]
    data = base64.b64decode(image["image_url"]["url"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as sent:
        assert (sent.size, sent.info) == ((320, 240), {})
        assert np.asarray(sent.convert("L"))[80, 140] > 200


def test_an_image_with_a_name_in_its_pixels_stays(shared: Storage) -> None:
    receive(shared, [part10(film("burned", BurnedInAnnotation="YES"))])
    request = {"study_instance_uid": study_uid("burned"), "question": "What is it?"}
    with serving(says(RIGHT)) as server, pytest.raises(InvalidRequest, match="burned into it"):
        answer_question(with_server(shared, server.url), request, Progress())
    assert server.asked == []


LETTER = (
    "Patient: Quernhammer, Adalbert",
    "Diagnosis: large left hydropneumothorax.",
    "The next appointment is on 3 March 2026.",
)


def about_a_letter(storage: Storage, written: str) -> tuple[Answer, str]:
    """The answer about a letter of a model that writes `written`, and what went out."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, pagesize=(400, 600))
    for number, line in enumerate(LETTER):
        page.drawString(50, 500 - 50 * number, line)
    page.save()
    storage.objects.put("documents/letter", buffer.getvalue(), "application/pdf")
    given = {"object_key": "documents/letter", "question": "When is the next appointment?"}
    with serving(says(written)) as server:
        answer = answer_document(with_server(storage, server.url), given, Progress())
    return answer, server.asked[0].body.decode()


def test_words_of_a_page_are_shown_at_their_place(shared: Storage) -> None:
    answer, sent = about_a_letter(shared, '"3 March 2026"')
    assert (answer.method, [one.text for one in answer.sentences]) == ("model", ["3 March 2026."])
    # The letter says more that must not be overlooked, whatever was asked.
    assert answer.text.startswith("3 March 2026. Critical and not stated: hydropneumothorax.")
    assert answer.passages[0].box[1] == pytest.approx(0.32, abs=0.03)
    assert "hydropneumothorax" in sent
    assert "Quernhammer" not in sent


def test_a_document_of_a_study_goes_out_without_its_patient(shared: Storage) -> None:
    """Adalbert stands in it without a title or a label: the study's header knows the name."""
    text = io.BytesIO()
    page = canvas.Canvas(text)
    page.drawString(50, 500, "Yesterday Adalbert had a fever of 39 degrees.")
    page.save()
    document = film("letter", Rows=None, Columns=None)
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    document.Modality = "DOC"
    del document.PixelData
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = text.getvalue() + b"\0" * (len(text.getvalue()) % 2)
    document.EncapsulatedDocumentLength = len(text.getvalue())
    receive(shared, [part10(document)])
    given = {"sop_instance_uid": str(document.SOPInstanceUID), "question": "How high is the fever?"}
    with serving(says("39 degrees")) as server:
        answer = answer_document(with_server(shared, server.url), given, Progress())
    assert answer.text == "39 degrees."
    assert "fever" in server.asked[0].body.decode()
    assert "Adalbert" not in server.asked[0].body.decode()


@pytest.mark.parametrize("written", ["7 April 2031", "NONE"])
def test_words_that_do_not_stand_there_leave_the_passage(shared: Storage, written: str) -> None:
    answer, _ = about_a_letter(shared, written)
    assert answer.method == "extractive"
    assert "3 March 2026" in answer.text
    assert [one.text for one in answer.withheld] == ([written] if written != "NONE" else [])


def test_a_document_is_answered_without_a_server_that_is_away(shared: Storage) -> None:
    with serving(plain(500, b"")) as server:
        about = with_server(shared, server.url)
        letter = io.BytesIO()
        page = canvas.Canvas(letter)
        page.drawString(50, 500, LETTER[2])
        page.save()
        shared.objects.put("documents/short", letter.getvalue(), "application/pdf")
        given = {"object_key": "documents/short", "question": "When is the next appointment?"}
        answer = answer_document(about, given, Progress())
    assert answer.method == "extractive"
    assert "3 March 2026" in answer.text
    assert answer.notes[0].startswith("The model could not be used: The model server llm answered")


@pytest.mark.parametrize("with_image", [False, True])
def test_a_report_model_is_given_an_image_only_where_the_site_says(
    shared: Storage, with_image: bool
) -> None:
    template = [Sentence("Brain volume: 1,234.5 cm³.", ("f1",))]
    picture = Image.new("RGB", (64, 64))
    with serving(says("The brain is large.")) as server:
        node = with_server(shared, server.url, model_server_report_images=with_image)
        answer = draft_sentences(node.settings, Evidence(), template, [picture])
    assert answer.sentences == ()
    assert [one.text for one in answer.withheld] == ["The brain is large."]
    content = server.asked[0].json["messages"][0]["content"]
    assert isinstance(content, list) == with_image
    assert "1,234.5" in json.dumps(content)
