"""Answer what identifies a person in a text, and the text without it."""

import time
from collections.abc import Iterable, Mapping

from inference.language import identifiers, model_names, rampart
from inference.language.models.loading import load_model
from inference.language.tasks import TASKS, is_configured, model_ref
from storage.language.results import AnswerResult
from storage.settings import Settings

_NOTE_PATTERNS = (
    "Found by rules and header values alone: of texts that the rules had not met, four of ten"
    " identifiers were left, so that a person has to read it before it leaves."
    f" The package {rampart.PACKAGE} is not installed; HF_DEID_MODEL names a larger model."
)
_NOTE_SHIPPED = (
    f"Found by rules, header values and the small model {rampart.PACKAGE} {rampart.REVISION}: of"
    " texts that the rules had not met, nearly four of ten identifiers were left, so that a person"
    " has to read it before it leaves. HF_DEID_MODEL names a larger model."
)
_NOTE_BOTH = (
    f"The small model {rampart.PACKAGE} {rampart.REVISION} looked for names and places, too."
    " A person has to read the text before it leaves."
)
_NOTE_LONG = (
    "The text is long: the small model read its beginning, and rules alone the rest. Send it in"
    " parts."
)
_KEPT_DATES = frozenset({"DATE"})


def deidentified(
    settings: Settings,
    text: str,
    values: Mapping[str, Iterable[str]],
    *,
    keep_dates: bool = False,
) -> AnswerResult:
    """`text` with placeholders, and each span with its kind and who found it.

    `values` are the study's own, where one is named; a model adds to the rules and never
    takes from them. Raises NotConfigured, ModelUnusable where one is set and unusable.
    """
    started = time.perf_counter()
    spans = [
        *identifiers.by_patterns(text),
        *identifiers.by_context(text, is_released=True),
        *identifiers.by_header(text, values),
    ]
    model = revision = ""
    notes = []
    if shipped := rampart.loaded():
        known = [(one.start, one.end) for one in identifiers.merged(spans)]
        spans += [
            identifiers.Span(start, end, kind, "model")
            for kind, start, end in model_names.names(text, known, shipped)
        ]
        model, revision = rampart.PACKAGE, rampart.REVISION
        notes = [_NOTE_SHIPPED]
        if not model_names.is_read_whole(text):
            notes.append(_NOTE_LONG)
    if is_configured(settings, TASKS["deid"]):
        ref = model_ref(settings, "hf_deid_model")
        entities = load_model(settings, "deid")(text)
        spans += identifiers.by_model(text, entities)
        model, revision = ref.name, ref.revision or "local"
        notes = [_NOTE_BOTH, *notes[1:]] if shipped else []
    if keep_dates:
        spans = [one for one in spans if one.kind not in _KEPT_DATES]
    found = identifiers.merged(spans)
    return {
        "kind": "deid",
        "method": "model" if model else "patterns",
        "text": identifiers.replaced(text, found),
        "spans": [
            {
                "start": one.start,
                "end": one.end,
                "text": text[one.start : one.end],
                "kind": one.kind,
                "source": one.source,
            }
            for one in found
        ],
        "notes": notes if model else [_NOTE_PATTERNS],
        "model": model,
        "revision": revision,
        "timings_s": {"total": time.perf_counter() - started},
    }
