"""Models of the language tasks: loaded when first asked for, and kept warm here alone.

transformers 5 has pipelines for some of these tasks only; the others go by Auto classes
and `generate()`. torch is imported when a model is loaded, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from inference.language.guard.entailment_model import entailment_of
from inference.language.models.fitting import check_fits, model_bytes
from inference.language.models.loaded_model import LoadedModel
from inference.language.models.own_code import may_run_own_code
from inference.language.models.placing import (
    check_placing,
    placed,
    placing_of,
    share_of_weights,
)
from inference.language.tasks import TASKS, ModelRef, TaskName, model_ref
from inference.models.devices import device
from inference.models.model_cache import WARM
from inference.models.pretrained import pretrained
from inference.refusals import ModelUnusable
from storage.core.errors import MediViewError
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Answers an image classifier of questions, and not a writer.
_CLASSIFIES_ANSWERS = frozenset({"vilt"})


def load_model(settings: Settings, task: TaskName) -> Any:
    """The model that the task's setting names, ready to be called.

    A `LoadedModel`, a transformers pipeline for `docqa` and `deid`, or an `Entailment`.
    Raises NotConfigured, ModelUnusable.
    """
    setting = TASKS[task].setting
    ref = model_ref(settings, setting)
    if task in _WRITERS:
        load = partial(_WRITERS[task], settings)
        return load_ref(settings, ref, setting, task, load, writes=True)
    return load_ref(settings, ref, setting, task, _LOADERS[task])


def load_ref(
    settings: Settings,
    ref: ModelRef,
    setting: str,
    kind: str,
    load: Callable[[ModelRef, dict[str, Any]], Any],
    *,
    writes: bool = False,
) -> Any:
    """What `load` makes of a model, once a process. `writes`: its weights are placed as the
    settings want those of models that write. Raises ModelUnusable."""

    def loaded() -> Any:
        import torch

        if settings.torch_threads > 0:
            torch.set_num_threads(settings.torch_threads)
        if writes:
            check_placing(settings, ref)
            everywhere = settings.language_device_map == "auto"
            check_fits(ref, share=share_of_weights(settings), everywhere=everywhere)
        else:
            check_fits(ref)
        try:
            model = load(ref, _options(settings, ref))
        except MediViewError:
            raise
        except Exception as error:
            # Broken files make frameworks raise whatever their readers raise.
            log.warning("model_not_loaded", setting=setting, error=type(error).__name__)
            raise ModelUnusable(
                f"The model {ref.name} cannot be loaded for {kind} ({type(error).__name__}).",
                remedy=f"Check {setting.upper()}: {_advice(settings, ref)}",
            ) from error
        log.info("model_loaded", setting=setting, model=ref.name, revision=ref.revision)
        return model

    placing = placing_of(settings) if writes else ()
    return WARM.get(("language", kind, ref.pinned, device(), *placing), loaded, model_bytes(ref))


def _advice(settings: Settings, ref: ModelRef) -> str:
    if ref.is_local:
        return "the folder must hold a model of that kind as save_pretrained writes it."
    if settings.hf_hub_offline:
        return "HF_HUB_OFFLINE is set, so its files must be in HF_HOME already."
    return "the hub must be in reach, and a gated model needs HF_API_TOKEN."


def _options(settings: Settings, ref: ModelRef) -> dict[str, Any]:
    """What every `from_pretrained` is given: where from, which commit, whose code may run."""
    options: dict[str, Any] = {
        "trust_remote_code": may_run_own_code(settings, ref),
        "local_files_only": ref.is_local or settings.hf_hub_offline,
    }
    if ref.revision:
        options["revision"] = ref.revision
        if options["trust_remote_code"]:
            # Else code that the configuration names in another repository would be its newest.
            options["code_revision"] = ref.revision
        if settings.hf_api_token.get_secret_value():
            options["token"] = settings.hf_api_token.get_secret_value()
        if settings.hf_home is not None:
            options["cache_dir"] = str(settings.hf_home.expanduser() / "hub")
    return options


def _ready(model: Any) -> Any:
    return model.to(device()).eval()


def _text_model(settings: Settings, ref: ModelRef, options: dict[str, Any]) -> LoadedModel:
    """Sequence to sequence or causal, as the configuration says; a GGUF file is causal."""
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
    )

    path = Path(ref.source)
    if ref.is_local and path.suffix == ".gguf":
        where = {**options, "gguf_file": path.name}
        tokenizer = AutoTokenizer.from_pretrained(path.parent, **where)
        model = placed(settings, AutoModelForCausalLM, str(path.parent), **where)
        return LoadedModel(ref, model, tokenizer)
    config = AutoConfig.from_pretrained(ref.source, **options)
    two_parts = bool(config.is_encoder_decoder)
    cls = AutoModelForSeq2SeqLM if two_parts else AutoModelForCausalLM
    tokenizer = AutoTokenizer.from_pretrained(ref.source, **options)
    return LoadedModel(ref, placed(settings, cls, ref.source, **options), tokenizer, two_parts)


def _image_text_model(settings: Settings, ref: ModelRef, options: dict[str, Any]) -> LoadedModel:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from inference.language.models.image_inputs import check_looks

    model = placed(settings, AutoModelForImageTextToText, ref.source, **options)
    loaded = LoadedModel(
        ref,
        model,
        AutoProcessor.from_pretrained(ref.source, **options),
        bool(model.config.is_encoder_decoder),
    )
    check_looks(loaded)
    return loaded


def _report_model(settings: Settings, ref: ModelRef, options: dict[str, Any]) -> LoadedModel:
    """A model that sees, or one that reads the findings alone."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )

    config = AutoConfig.from_pretrained(ref.source, **options)
    if config.model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return _image_text_model(settings, ref, options)
    return _text_model(settings, ref, options)


def _question_model(settings: Settings, ref: ModelRef, options: dict[str, Any]) -> LoadedModel:
    from transformers import AutoConfig, AutoModelForVisualQuestionAnswering, AutoProcessor
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES,
    )

    from inference.language.models.image_inputs import check_looks

    config = AutoConfig.from_pretrained(ref.source, **options)
    if config.model_type not in MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES:
        return _image_text_model(settings, ref, options)
    loaded = LoadedModel(
        ref,
        placed(settings, AutoModelForVisualQuestionAnswering, ref.source, **options),
        AutoProcessor.from_pretrained(ref.source, **options),
    )
    check_looks(loaded)
    return loaded


def classifies_answers(loaded: LoadedModel) -> bool:
    """Whether the model chooses among answers that it knows, rather than writes one."""
    return str(loaded.model.config.model_type) in _CLASSIFIES_ANSWERS


def _document_model(ref: ModelRef, options: dict[str, Any]) -> Any:
    from transformers import (
        AutoConfig,
        AutoImageProcessor,
        AutoModelForDocumentQuestionAnswering,
        AutoModelForImageTextToText,
        AutoTokenizer,
        pipeline,
    )

    config = AutoConfig.from_pretrained(ref.source, **options)
    # LayoutLM reads words and boxes; its successors see the page as well, and Donut only that.
    reads_alone = config.model_type == "layoutlm"
    cls = (
        AutoModelForImageTextToText
        if config.model_type == "vision-encoder-decoder"
        else AutoModelForDocumentQuestionAnswering
    )
    processor = None
    if not reads_alone:
        processor = AutoImageProcessor.from_pretrained(ref.source, **options)
        if hasattr(processor, "apply_ocr"):
            processor.apply_ocr = False
    return pipeline(
        "document-question-answering",
        model=_ready(pretrained(cls, ref.source, **options)),
        tokenizer=AutoTokenizer.from_pretrained(ref.source, **options),
        image_processor=processor,
        device=device(),
    )


def _token_model(ref: ModelRef, options: dict[str, Any]) -> Any:
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    return pipeline(
        "token-classification",
        model=pretrained(AutoModelForTokenClassification, ref.source, **options),
        tokenizer=AutoTokenizer.from_pretrained(ref.source, **options),
        # A word is one thing, in however many pieces a tokenizer cuts it.
        aggregation_strategy="first",
        device=device(),
    )


def _entailment_model(ref: ModelRef, options: dict[str, Any]) -> Any:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    return entailment_of(
        _ready(pretrained(AutoModelForSequenceClassification, ref.source, **options)),
        AutoTokenizer.from_pretrained(ref.source, **options),
        ref.name,
    )


def _picture_model(ref: ModelRef, options: dict[str, Any], auto_class: str) -> LoadedModel:
    import transformers

    cls = getattr(transformers, auto_class)
    return LoadedModel(
        ref,
        _ready(pretrained(cls, ref.source, **options)),
        transformers.AutoImageProcessor.from_pretrained(ref.source, **options),
    )


_WRITERS: dict[TaskName, Callable[[Settings, ModelRef, dict[str, Any]], Any]] = {
    "report": _report_model,
    "summary": _text_model,
    "vqa": _question_model,
}
_LOADERS: dict[TaskName, Callable[[ModelRef, dict[str, Any]], Any]] = {
    "docqa": _document_model,
    "deid": _token_model,
    "entailment": _entailment_model,
    "image-classification": partial(_picture_model, auto_class="AutoModelForImageClassification"),
    "image-segmentation": partial(_picture_model, auto_class="AutoModelForSemanticSegmentation"),
}
