"""The critical concepts as data: each has words in both languages, and each word is found."""

from collections import Counter

import pytest

from inference.language.critical import Status, concepts
from inference.language.critical.concepts import LANGUAGES, lexicon
from inference.language.critical.forms import Form, Phrase
from inference.language.critical.reading import in_sentence

SAID = {
    "en": {
        Status.PRESENT: ("There is {name}.", "Findings: {name}."),
        Status.UNCERTAIN: ("{name} cannot be excluded.", "Possible {name}.", "{name}?"),
        Status.DENIED: (
            "No {name}.",
            "No evidence of {name} or effusion.",
            "{name} is not seen.",
            "{name}? None.",
        ),
        Status.PAST: ("History of {name}.", "The {name} has resolved.", "{name}, resolved."),
        Status.OTHER: ("Free fluid and {name} have been asked for.", "Family history of {name}."),
    },
    "de": {
        Status.PRESENT: ("Es zeigt sich {name}.", "{name} rechts."),
        Status.UNCERTAIN: ("{name} kann nicht ausgeschlossen werden.", "V.a. {name}."),
        Status.DENIED: (
            "Kein Nachweis von {name}.",
            "{name} liegt nicht vor.",
            "Erguss, {name} und Ileus lassen sich nicht nachweisen.",
            "{name} finden sich keine.",
            "{name} - nein.",
        ),
        Status.PAST: ("Z.n. {name}.", "Zustand nach {name} 2015.", "{name} nicht mehr erkennbar."),
        Status.OTHER: ("Frage nach {name}.",),
    },
}


def test_there_are_enough_concepts_of_each_urgency() -> None:
    counts = Counter(one.category for one in concepts().values())
    assert len(concepts()) >= 150
    assert min(counts["immediate"], counts["urgent"], counts["soon"]) >= 20
    for language in LANGUAGES:
        names = Counter(one.names[language].casefold() for one in concepts().values())
        assert [name for name, count in names.items() if count > 1] in (
            [],
            ["nekrotisierende enterokolitis"],
        )


def test_no_word_stands_twice_in_a_concept() -> None:
    for concept in concepts().values():
        for language, forms in concept.forms.items():
            texts = Counter(form.text.casefold() for form in forms)
            twice = [text for text, count in texts.items() if count > 1]
            assert not twice, f"{concept.name} ({language}): {twice}"


def test_each_word_is_found_where_it_stands() -> None:
    lost = [
        f"{concept.name}: {written}"
        for concept in concepts().values()
        for forms in concept.forms.values()
        for form in forms
        for written in _written(form)
        if not _names(written, concept.name)
    ]
    assert lost == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_denied_past_or_asked_is_told_apart_from_what_is_there(language: str) -> None:
    wrong = [
        f"{sentence}: {found}, not {status}"
        for concept in concepts().values()
        for status, templates in SAID[language].items()
        for template in templates
        for sentence in (template.format(name=concept.names[language]),)
        for found in ([*_names(sentence, concept.name), "nothing"][0],)
        if found != status
    ]
    assert wrong == []


def _written(form: Form) -> list[str]:
    """The form with each of its choices at least once."""
    parts = [[one for phrase in part for one in _choices(phrase)] for part in form.parts]
    return _side_by_side(parts)


def _choices(phrase: Phrase) -> list[str]:
    return _side_by_side([sorted({word.text for word in choices}) for choices in phrase])


def _side_by_side(columns: list[list[str]]) -> list[str]:
    longest = max(len(one) for one in columns)
    return [" ".join(one[row % len(one)] for one in columns) for row in range(longest)]


def _names(sentence: str, concept: str) -> list[Status]:
    """What a sentence says of a concept or of a narrower one."""
    return [
        one.status for one in in_sentence(sentence) if concept in lexicon().wider(one.concept.name)
    ]
