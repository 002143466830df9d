"""A page's text and a question to a chat model of a model server."""

from collections.abc import Iterable, Mapping
from typing import Any

from inference.language.answer import Progress
from inference.language.documents.page import Page
from inference.language.guard.instructions import gives_orders
from inference.language.identifiers import without_identifiers
from inference.language.models.generation import CUT_SENTENCES, on_nothing
from inference.language.models.prompts import DOCUMENT, whole_prompt
from inference.language.models.served import served_write
from inference.language.tasks import ModelRef
from storage.settings import Settings

_NONE = "none"
_AROUND = " \t\n\"'`“”„.,;:"


def ask_server(
    settings: Settings,
    ref: ModelRef,
    page: Page,
    question: str,
    progress: Progress,
    notes: list[str],
    values: Mapping[str, Iterable[str]],
) -> list[dict[str, Any]]:
    """The words that answer, where the model names some; whether they stand on the page is the
    caller's to check.

    The page's text goes out, not its picture, and without names, numbers and addresses: those
    of patterns, and `values` by kind (`header_values`).
    `notes` gets what the server says of its model, once.
    """
    lines = [line.text for line in page.lines if not gives_orders(line.text)]
    text = without_identifiers("\n".join(lines), values)
    asked = DOCUMENT.format(question=without_identifiers(question, values))
    write = served_write(settings, ref, whole_prompt(asked, text))
    written = write(on_text=on_nothing, stopping=progress.stopping)
    progress.wrote(progress.tokens + written.tokens)
    cut = (CUT_SENTENCES[written.cut],) if written.cut else ()
    notes += [one for one in (*cut, *written.notes) if one not in notes]
    answer = written.text.strip(_AROUND)
    return [{"answer": answer}] if answer and answer.lower() != _NONE else []
