"""Words of a model for a report: sentences worded again, or a draft from images and findings.

The report itself is drafted from templates elsewhere; what comes from here has passed the
guard sentence by sentence, and the template stands where it has not.
"""

import time
from collections.abc import Sequence
from functools import partial

from PIL import Image

from inference.language.answer import Answer, Progress, Reason, Sentence, Withheld, by_model
from inference.language.checking import checker
from inference.language.guard import Evidence
from inference.language.identifiers import without_identifiers
from inference.language.models.generation import Limits, generate
from inference.language.models.image_inputs import image_inputs
from inference.language.models.instructions import without_orders
from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import load_model
from inference.language.models.prompts import REPHRASE, draft_prompt, text_inputs, whole_prompt
from inference.language.models.served import served_write
from inference.language.models.writers import Writer
from inference.language.models.writing import Check, write_checked
from inference.language.tasks import ModelRef, model_ref
from storage.settings import Settings

_UNBOUND = Reason("unbound", "No finding of the study supports it.")
_SAID = Reason("repeated", "The draft says it already, word for word.")


def draft_sentences(
    settings: Settings,
    evidence: Evidence,
    template: Sequence[Sentence],
    images: Sequence[Image.Image] = (),
    progress: Progress | None = None,
) -> Answer:
    """What the model of HF_REPORT_MODEL makes of the template's sentences and the images.

    Only sentences that `evidence` supports are in the answer; the others are withheld in it.
    Where nothing is left the caller's template stands. Raises NotConfigured, ModelUnusable,
    ModelServerFailed.
    """
    started = time.perf_counter()
    progress = progress or Progress()
    ref = model_ref(settings, "hf_report_model")
    given = "\n".join(one.text for one in template)
    text = without_orders(without_identifiers(given, _names(evidence))).text
    # A model that sees is given one image at least; a blank one says nothing.
    image = images[0] if images else Image.new("RGB", (224, 224))
    writer = _served(settings, ref, text, image) if ref.server else _local(settings, text, image)
    check = _bound(checker(settings, evidence), template)
    _, notes = write_checked(writer.write, check, progress)
    if writer.is_cut:
        notes = ("The findings are longer than the model reads; their end was left out.", *notes)
    return Answer(
        kind="report",
        method="model",
        sentences=tuple(progress.sentences),
        withheld=tuple(progress.withheld),
        notes=notes,
        tokens=progress.tokens,
        timings_s={"total": time.perf_counter() - started},
        **by_model(ref),
    )


def _served(settings: Settings, ref: ModelRef, text: str, image: Image.Image) -> Writer:
    """An image leaves the node only where the site says that the model sees it."""
    if settings.model_server_report_images:
        return Writer(served_write(settings, ref, draft_prompt(text), image))
    return Writer(served_write(settings, ref, whole_prompt(REPHRASE, text)))


def _local(settings: Settings, text: str, image: Image.Image) -> Writer:
    loaded: LoadedModel = load_model(settings, "report")
    limits = Limits.of(settings)
    if sees(loaded):
        inputs = image_inputs(loaded, image, draft_prompt(text))
        return Writer(partial(generate, loaded, inputs, limits))
    inputs, is_cut = text_inputs(loaded, REPHRASE, text)
    return Writer(partial(generate, loaded, inputs, limits), is_cut)


def _bound(check: Check, template: Sequence[Sentence]) -> Check:
    """Of what the guard supports, what rests on a finding and is not in the draft already."""
    stated = {_plain(one.text) for one in template}

    def bound(sentence: str) -> Sentence | Withheld:
        if _plain(sentence) in stated:
            return Withheld(sentence, (_SAID,))
        checked = check(sentence)
        if isinstance(checked, Sentence) and not checked.finding_ids:
            return Withheld(sentence, (_UNBOUND,))
        return checked

    return bound


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().split())


def sees(loaded: LoadedModel) -> bool:
    """Whether the model takes an image beside the text."""
    return hasattr(loaded.processor, "image_processor")


def _names(evidence: Evidence) -> dict[str, set[str]]:
    study = evidence.study
    parts = study.patient_name.replace("^", " ").split()
    ids = {study.patient_id} if len(study.patient_id) > 2 else set()
    return {"NAME": {part for part in parts if len(part) > 2}, "ID": ids}
