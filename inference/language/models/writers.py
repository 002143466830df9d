"""Who writes for a task: a model that this node loads, or one of a model server."""

from dataclasses import dataclass
from functools import partial

from inference.language.models.generation import Limits, Write, generate
from inference.language.models.loading import load_model
from inference.language.models.prompts import text_inputs, whole_prompt
from inference.language.models.served import served_write
from inference.language.tasks import TASKS, TaskName, model_ref
from inference.refusals import ModelServerFailed, ModelUnusable
from storage.core.errors import NotConfigured
from storage.settings import Settings

NO_USE = (ModelServerFailed, ModelUnusable, NotConfigured)
"""What leaves a task without its model: it answers without one then, and says so."""


@dataclass(frozen=True)
class Writer:
    """`is_cut`: the text was longer than the model reads, and its end was left out."""

    write: Write
    is_cut: bool = False


def text_writer(settings: Settings, task: TaskName, instruction: str, text: str) -> Writer:
    """The model of a task, about to do what `instruction` says with a text.

    Raises NotConfigured, ModelUnusable.
    """
    ref = model_ref(settings, TASKS[task].setting)
    if ref.server:
        return Writer(served_write(settings, ref, whole_prompt(instruction, text)))
    loaded = load_model(settings, task)
    inputs, is_cut = text_inputs(loaded, instruction, text)
    return Writer(partial(generate, loaded, inputs, Limits.of(settings)), is_cut)
