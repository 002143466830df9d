"""A model writes, and each sentence is checked as soon as it stands."""

from collections.abc import Callable

from inference.language.answer import Progress, Reason, Sentence, Withheld
from inference.language.models.generation import CUT_SENTENCES, Generated, Write
from inference.language.sentences import split_sentences, split_unfinished

Check = Callable[[str], Sentence | Withheld]
"""Whether a sentence is supported: what may be shown, or what is withheld and why."""

_UNFINISHED = Reason("unfinished", "The sentence has no end.")
_TWICE = Reason("repeated", "The model wrote it before.")


def write_checked(
    write: Write,
    check: Check,
    progress: Progress,
    *,
    restore: Callable[[str], str] = lambda text: text,
) -> tuple[Generated, tuple[str, ...]]:
    """Let the model write; sentences go to `progress` one by one, checked.

    `restore` makes a written sentence into one that is checked and shown. What the model
    has cut short is never shown as a sentence. Returns what was written, and notes on it.
    """
    seen: set[str] = set()
    done = 0

    def take(text: str) -> None:
        nonlocal done
        for sentence in split_sentences(text)[done:]:
            done += 1
            _take_sentence(restore(sentence), check, progress, seen)

    def grew(text: str, tokens: int) -> None:
        progress.wrote(tokens)
        finished, _ = split_unfinished(text)
        # The last one may go on: "e.g." looks like an end until more is known.
        whole = split_sentences(finished)[:-1]
        if len(whole) > done:
            take("\n\n".join(whole))

    generated = write(on_text=grew, stopping=progress.stopping)
    progress.wrote(generated.tokens)
    finished, rest = split_unfinished(generated.text)
    if not generated.cut:
        finished, rest = generated.text, ""
    take(finished)
    if rest.strip():
        progress.withhold(Withheld(rest.strip(), (_UNFINISHED,)))
    cut = (CUT_SENTENCES[generated.cut],) if generated.cut else ()
    return generated, (*cut, *generated.notes)


def _take_sentence(sentence: str, check: Check, progress: Progress, seen: set[str]) -> None:
    key = " ".join(sentence.lower().split())
    if key in seen:
        progress.withhold(Withheld(sentence, (_TWICE,)))
        return
    seen.add(key)
    checked = check(sentence)
    if isinstance(checked, Sentence):
        progress.keep(checked)
    else:
        progress.withhold(checked)
