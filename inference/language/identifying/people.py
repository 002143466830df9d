"""Names of people: after titles and roles, by first names, by credentials, and again later on."""

import re
from collections.abc import Iterator, Sequence

from inference.language.identifying.forms import any_of
from inference.language.identifying.vocabulary import (
    NAME_TOKEN,
    UPPER,
    is_common,
    is_eponym,
    is_first_name,
    is_word,
    of_disease,
    of_medicine,
)
from inference.language.identifying.whole_names import family_names, labelled, widened

_PARTICLE = any_of("name_forms", "particles")
_PARTICLES = rf"(?:{_PARTICLE}[ \t]+|al-(?={UPPER})){{0,3}}"
_NAMES = rf"{_PARTICLES}{NAME_TOKEN}(?:(?:[ \t-]{{1,3}}|(?<=\.)){_PARTICLES}{NAME_TOKEN}){{0,5}}"
_TITLE = any_of("name_forms", "titles")
# A dot is the title's, and not what separates two: else each of many titles were tried both ways.
_ONE = rf"(?<![\w]){_TITLE}(?:\.-?|\b(?!\.))(?:in\b)?"
_TITLED = re.compile(rf"({_ONE})(?:[ \t./]+{_ONE}){{0,8}}[ \t./]*({_NAMES})")
_WEAK = frozenset(
    "HR MR PD Ass Sr OÄ CA OA Graf Col Oberarzt Oberärztin Fr Mag med nat rer".split()
)
_ROLE = any_of("name_forms", "roles")
_ROLED = re.compile(rf"(?<!\w){_ROLE}\b[ \t]*(?:[:.,][ \t]*)?({_NAMES}(?:,[ \t]*{_NAMES})?)")
_CREDENTIAL = re.compile(rf"(?<![\w-])({_NAMES}),?[ \t]+(?:MD|RN|PhD|FRCR|DO|MBBS|NP|MSc|BSN)\b")
_BORN = re.compile(
    rf"(?<![\w-])({_NAMES}(?:,[ \t]*{_NAMES})?),?[ \t]*\(?(?:"
    r"(?:geb\.|geboren|born|DOB|d\.o\.b\.|b\.|\*)"
    rf"[ \t]*(?:am[ \t])?\d|\d{{1,2}}[.-]\d{{1,2}}[.-]\d{{2,4}})"
)
_CLOSING = re.compile(
    r"(?:[Yy]ours[ \t]\w+|[Kk]ind[ \t]regards|[Bb]est[ \t]wishes|[Ff]reundlichen?[ \t]Gr[üu](?:ß"
    r"|ss)en?|MfG|Signed)"
    rf"[,.]?\s+({_NAMES})"
)
_INITIALS = re.compile(
    rf"(?<![\w.])((?:{UPPER}\.[ \t-]?){{1,3}})({UPPER}[\w'’-]{{2,}}(?:-{UPPER}[\w'’]+)?)"
)
_INITIAL = re.compile(rf"(?:{UPPER}\.){{1,3}}")
_LATIN = re.compile(r"(?:is|us|ica|ea|ae|ior|alis|aris|um)$")
_REVERSED = re.compile(
    rf"(?<![\w-])({UPPER}[\w'’-]+),[ \t]+({UPPER}[\w'’-]+(?:[ \t]+{UPPER}\.?)?)(?![\w])"
)
_NOBLE = re.compile(rf"(?<!\w)(?:v\.|von[ \t]und[ \t]zu|Freiherr[ \t]von)[ \t]({UPPER}[\w-]{{3,}})")
_FREE = re.compile(rf"(?<![\w'’.-]){UPPER}[\w'’]+(?:-{UPPER}[\w'’]+)*")
_ENGLISH = re.compile(r"\b(?:the|and|of|with|was|is|by|for|to)\b")
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|mit|vom|bei|wurde|ist|im|am|links|rechts|Pat|Befund|Patientin)\b"
)
_SENTENCE_END = re.compile(r"(?:^|[.:;!?\n(*•–-]|\d\.)[ \t\"'“(\[]*$")
_Region = tuple[int, int]


def people(
    text: str, located: Sequence[_Region], named: Sequence[_Region] = ()
) -> Iterator[tuple[str, int, int]]:
    """`located`: what is known as a place, whose words are not looked for again as names.

    `named`: what is known as a name already, whose words are looked for again.
    """
    found = [one for one in (*_by_form(text), *labelled(text)) if one[1] > one[0]]
    # Each part of a name may be found by itself: what goes on from one place goes on once.
    found = [widened(text, one) for one in dict.fromkeys(found)]
    found += [*named, *(widened(text, one) for one in family_names(text))]
    if is_english(text):
        found += _capitals_within_sentences(text, [*found, *located])
    yield from (("NAME", start, end) for start, end in found)
    yield from _again(text, found)


def is_english(text: str) -> bool:
    """Rather than German, by words that stand in every sentence."""
    return len(_ENGLISH.findall(text)) > len(_GERMAN.findall(text))


def _by_form(text: str) -> Iterator[_Region]:
    for match in _TITLED.finditer(text):
        weak = match[1].rstrip(".") in _WEAK
        yield _name(text, match.start(2), match.end(2), trusting=not weak)
    for match in _ROLED.finditer(text):
        yield _name(text, match.start(1), match.end(1), trusting=False)
    for pattern in (_CREDENTIAL, _BORN, _CLOSING):
        for match in pattern.finditer(text):
            yield _name(text, match.start(1), match.end(1), trusting=False)
    for match in _INITIALS.finditer(text):
        if not is_word(match[2]) and not _LATIN.search(match[2]):
            yield match.start(), match.end()
    for match in _REVERSED.finditer(text):
        first = match[2].split()[0]
        capitals = match[0].isupper() and len(match[1]) > 3 and not re.search(r"\d", match[0])
        if (capitals or is_first_name(first)) and not is_word(match[1]):
            yield match.start(), match.end()
    for match in _NOBLE.finditer(text):
        if not is_word(match[1]):
            yield match.start(), match.end()
    yield from _by_first_names(text)


def _name(text: str, start: int, end: int, *, trusting: bool) -> _Region:
    """As much of it as is a name: the words up to the first known one.

    Where a title stands before, the first word is one whatever it means.
    """
    tokens = list(re.finditer(r"[^\s,]+", text[start:end]))
    last = 0
    for index, token in enumerate(tokens):
        word = token[0].rstrip(".")
        if re.fullmatch(_PARTICLE, token[0]) or re.fullmatch(_TITLE, word):
            continue
        if _INITIAL.fullmatch(token[0]):
            last = token.end()
            continue
        # "J. Smith", whatever the second is besides.
        is_after_initial = index > 0 and _INITIAL.fullmatch(tokens[index - 1][0])
        known = is_word(word) or (word.isupper() and 1 < len(word) < 4)
        if (
            known
            and not is_after_initial
            and not is_first_name(word)
            and not (trusting and index == 0)
        ):
            behind = tokens[index + 1][0] if index + 1 < len(tokens) else ""
            # "Ludwig Amadeus Thon", "Thi Mai Nguyen": a name that is a word, too.
            is_between = index > 0 and is_common(word) and behind and not is_word(behind)
            if not is_between and not is_first_name(behind):
                break
        last = token.end()
    return start, start + last


def _by_first_names(text: str) -> Iterator[_Region]:
    """A first name, with the family name before or behind it."""
    words = list(_FREE.finditer(text))
    for index, match in enumerate(words):
        first = match[0].split("-")[0].removesuffix("'s").removesuffix("’s")
        if not is_first_name(first) or is_word(first) or of_disease(text, match):
            continue
        start, end = match.span()
        behind = re.compile(rf"[ \t]+{_NAMES}").match(text, end)
        if behind:
            end = max(end, _name(text, end, behind.end(), trusting=False)[1])
        before = words[index - 1] if index else None
        if (
            before
            and end == match.end()
            and text[before.end() : start] == " "
            and not is_word(before[0])
        ):
            start = before.start()
        yield start, end


def _capitals_within_sentences(text: str, known: Sequence[_Region]) -> Iterator[_Region]:
    """In English a word with a capital within a sentence is a name, unless it is known as none."""
    # In order, as the words are: for each to be compared with all would take the square.
    regions = sorted(known)
    next_region, known_until = 0, 0
    for match in _FREE.finditer(text):
        word = match[0]
        while next_region < len(regions) and regions[next_region][0] <= match.start():
            known_until = max(known_until, regions[next_region][1])
            next_region += 1
        if match.start() < known_until:
            continue
        # "7 Fr": a unit.
        if len(word) < 4 and re.search(r"\d[ ]?$", text[max(0, match.start() - 2) : match.start()]):
            continue
        if (word.isupper() and len(word) < 6) or re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]|\d", word):
            continue
        parts = [part.removesuffix("'s").removesuffix("’s") for part in word.split("-")]
        if any(map(is_eponym, parts)) or of_disease(text, match):
            continue
        if all(part.lower() in of_medicine() or is_common(part) for part in parts):
            continue
        if _SENTENCE_END.search(text[max(0, match.start() - 12) : match.start()]) and (
            all(is_word(part) for part in parts) or not _looks_like_name(text, match)
        ):
            continue
        yield match.span()


def _looks_like_name(text: str, match: re.Match[str]) -> bool:
    """At the beginning of a sentence: another capital beside it, or a verb of people."""
    behind = text[match.end() : match.end() + 40]
    return "-" in match[0] or bool(
        re.match(
            rf"[ \t]+{UPPER}[a-z]|[ \t]+(?:and[ \t]+(?:his|her)|is[ \t]followed|reports|says|was"
            rf"[ \t]seen|attended)",
            behind,
        )
    )


def _again(text: str, found: Sequence[_Region]) -> Iterator[tuple[str, int, int]]:
    """Words of a name wherever they stand with a capital."""
    names = {
        word
        for start, end in found
        for word in re.findall(rf"{UPPER}[\w’']{{2,}}", text[start:end])
        if not is_word(word) or (is_first_name(word) and len(word) > 3)
    }
    names |= {word.title() for word in names if word.isupper()} | {word.upper() for word in names}
    if not names:
        return
    for match in _FREE.finditer(text):
        if names.intersection(match[0].split("-")) and not of_disease(text, match):
            yield "NAME", match.start(), match.end()
