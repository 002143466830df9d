"""All words of a name of which a part is found, and names behind the labels of notes and teams."""

import re
from collections.abc import Iterator

from inference.language.identifying.forms import any_of
from inference.language.identifying.vocabulary import (
    NAME_TOKEN,
    UPPER,
    is_common,
    is_eponym,
    is_first_name,
    is_last_name,
    is_ordinary,
    is_word,
    of_disease,
)

_PARTICLE = any_of("name_forms", "particles_of_labels")
_LABEL = any_of("name_forms", "labels")
_ROLE = re.compile(_LABEL)
_RANK = any_of("name_forms", "ranks")
_NAME = (
    rf"((?:{_PARTICLE}[ \t]?){{0,3}}{NAME_TOKEN}(?:(?:,?[ \t]"
    rf"|(?<=\.))(?:{_PARTICLE}[ \t]?){{0,3}}{NAME_TOKEN}){{0,4}})"
)
_LABELLED = re.compile(
    rf"(?<![\w-])({_LABEL})(?=(?:\.?[ \t]?([:/])[ \t]?|\.?[ \t]+)(?:(?:is|ist|named|called"
    rf"|namens|by|von|durch"
    rf"|an|old|Dr\.?|Prof\.?|med\.?)[ \t]+){{0,3}}{_NAME})"
)
# Without a colon these stand before whatever is a noun in German: "Vater Herzinfarkt", "OP Knie".
_BEFORE_NOUNS = re.compile(
    r"(?:OP|Op|Intern|Kinder|KM|KV|HA|Eltern|Kontakt|Ergo|Arzt|Diktat|Leitung|Freigabe|Partner"
    r"|Springer|Zwilling|Pat|Pt|Name|Vater|Mutter|Oma|Opa|Onkel|Tante|Groß(?:mutter"
    r"|vater)|Sohn|Tochter|Bruder|Schwester|Neffe|Nichte|Cousine?|Vorname|Nachname)\w{0,3}"
)
_NEVER_SURE = frozenset({"OP", "Op"})
# Ranks that are short for something else in reports: MR and PD of images, CA, RA, FA.
_OTHERWISE = re.compile(r"(?:[A-ZÄÖÜ]{2,3}|Br|Fr|Don|Baby|Zwilling|Ing|Mag|Assist|Hon)")
_RANKED = re.compile(
    rf"(?<![\w-])(?:{_RANK}\.?(?:in\b)?[ \t]+)(?:(?:Dr|Prof|med|iur|jur|phil|Radiol|Chir|Int"
    rf"|Neurol|Ing|Mag)\.?[ \t]+){{0,4}}{_NAME}"
)
_DEGREE = re.compile(
    rf"\b(?:iur|jur|vet|dent|pharm|theol|oec|rer\.[ ]?nat|med|mult)\.[ \t]+{_NAME}"
)
_SMALL = re.compile(
    rf"(?<![\w.])((?:{UPPER}\.[ \t]?)?(?:[vdz]\.[ \t]?){{1,2}}{UPPER}[\w'’-]{{0,30}}\.?)"
)
_FIRST_AND_INITIAL = re.compile(rf"(?<![\w-])({UPPER}[\w'’]{{2,20}}[ \t]{UPPER}\.)(?!\w)")
_SIGNATURE = re.compile(
    rf"^[ \t]*((?:{UPPER}\.?[ \t]?){{1,3}}{UPPER}[\w'’]{{2,30}}(?:-{UPPER}\w{{1,30}})?)[ \t]*$",
    re.MULTILINE,
)
_CAPITALS = re.compile(
    rf"(?<![\w-])({UPPER}{{3,20}}(?:-{UPPER}{{2,20}})?),?[ ]"
    rf"({UPPER}[a-zà-ž]{{1,20}}(?:-{UPPER}[a-zà-ž]{{1,20}})?)(?!\w)"
)
_LAST_INITIALS = re.compile(r"[.\n][ \t]*((?!CT|MR|US|OP|OK)[A-Z]{2,3})\s*\Z")
_FREE = re.compile(rf"(?<![\w'’.-]){UPPER}[\w'’]+(?:-{UPPER}[\w'’]+)*(?![\w-])")
_RIGHT = re.compile(
    rf"[ \t]{{0,3}}[(\"„“'‘]{{1,3}}(?:genannt[ \t]|gen\.[ \t]"
    rf"|aka[ \t])?({NAME_TOKEN}(?:[ \t]{NAME_TOKEN})?)[)\"“”'’]{{1,3}}"
    rf"|,?[ \t]{{0,3}}\(?(?:geb\.|geborene|née|nee|formerly|aka|alias|gen\.|verw\."
    rf"|b\.)[ \t]+({NAME_TOKEN})\)?"
    rf"|,?[ \t]((?:{_PARTICLE}[ \t]?){{1,3}}{NAME_TOKEN})"
    rf"|[ \t-]({NAME_TOKEN})"
)
_LEFT = re.compile(rf"(?<![\w'’.-])({NAME_TOKEN})(,?[ \t])$")
_BEFORE_NAMES = frozenset({"Ó", "Ní", "Mac", "Mc", "O"})
_FARTHEST = 44
_MOST_WORDS = 6
_Region = tuple[int, int]


def labelled(text: str) -> Iterator[_Region]:
    for match in _LABELLED.finditer(text):
        is_sure = match[2] is not None and match[1] not in _NEVER_SURE
        if not is_sure and _BEFORE_NOUNS.fullmatch(match[1]) and not _begins_known(match[3]):
            continue
        end = _end(text, match.start(3), match.end(3), is_sure=is_sure)
        if end > match.start(3):
            yield match.start(3), end
    for pattern in (_RANKED, _DEGREE):
        for match in pattern.finditer(text):
            rank = match[0][: match.start(1) - match.start()].split()[0].rstrip(".")
            if _OTHERWISE.fullmatch(rank) and not _begins_known(match[1]):
                continue
            end = _end(text, match.start(1), match.end(1), is_sure=True)
            if end > match.start(1):
                yield match.start(1), end
    yield from _by_form(text)


def is_role(word: str) -> bool:
    """Whether it stands before a name, and is none."""
    return re.fullmatch(_LABEL, word) is not None


def _begins_known(name: str) -> bool:
    """Whether the first word is a name that is known, and no word of medicine; or an initial."""
    words = [one.strip(".") for one in re.split(r"[\s,]+", name)]
    words = [one for one in words if not re.fullmatch(_PARTICLE, one)]
    if not words:
        return False
    first = words[0]
    return len(first) == 1 or ((is_first_name(first) or is_last_name(first)) and not is_word(first))


def _by_form(text: str) -> Iterator[_Region]:
    """Initials, signatures, and family names in capitals."""
    for match in _SMALL.finditer(text):
        if not is_word(match[1].split(".")[-1].strip() or "x") or match[1].endswith("."):
            yield match.start(1), match.end(1)
    for match in _FIRST_AND_INITIAL.finditer(text):
        first = match[1].split()[0]
        if is_first_name(first) and not is_eponym(first):
            yield match.start(1), match.end(1)
    for match in _SIGNATURE.finditer(text):
        family = match[1].split()[-1].split(".")[-1]
        if not is_word(family) or is_last_name(family) or is_first_name(family):
            yield match.start(1), match.end(1)
    for match in _CAPITALS.finditer(text):
        family, given = match[1], match[2]
        if not is_word(family) and (is_first_name(given) or is_last_name(family)):
            yield match.span()
    if initials := _LAST_INITIALS.search(text):
        yield initials.start(1), initials.end(1)


def family_names(text: str) -> Iterator[_Region]:
    """Words that are known as family names and as nothing else."""
    for match in _FREE.finditer(text):
        parts = match[0].split("-")
        if not all(map(is_last_name, parts)) or any(map(is_word, parts)):
            continue
        if not of_disease(text, match) and not re.match(r"[ ]?-", text[match.end() :][:2]):
            yield match.span()


def _end(text: str, start: int, end: int, *, is_sure: bool) -> int:
    last = start
    tokens = list(re.finditer(r"[^\s,]+", text[start:end]))
    for index, token in enumerate(tokens):
        word = token[0].strip(".")
        if re.fullmatch(_PARTICLE, token[0]):
            continue
        named = is_first_name(word) or is_last_name(word) or len(word) == 1
        known = is_word(word) or is_common(word) or (word.isupper() and 1 < len(word) < 4)
        # A label with a colon names somebody, if by a word of every day: "Hausarzt: Bauer".
        sure_first = is_sure and index == 0 and not is_common(word) and len(word) > 2
        is_after_initial = index > 0 and len(tokens[index - 1][0].rstrip(".")) == 1
        behind = tokens[index + 1][0].rstrip(".") if index + 1 < len(tokens) else ""
        # "Sepp Ritter": a name that is a word, too, before one that is none.
        is_before_name = bool(behind) and not is_common(word) and not is_word(behind)
        if is_eponym(word) and not sure_first and index == 0:
            break
        if known and not (
            named
            or (sure_first and not word.isupper())
            or (is_after_initial and not is_common(word))
            or (is_before_name and not word.isupper())
        ):
            break
        last = start + token.end()
    return last


def widened(text: str, region: _Region) -> _Region:
    """With the words of the name before and behind: given, in brackets, double, of birth."""
    start, end = region
    for _ in range(_MOST_WORDS):
        match = _RIGHT.match(text, end)
        if match is None:
            break
        group = match.lastindex or 0
        words = re.findall(r"[^\W\d_]{2,}", match[group]) or ["x"]
        if group == 4 and not _goes_on(text, match, words[0], start):
            break
        if group == 1 and all(map(is_common, words)):
            break
        end = match.end() if group == 1 else match.end(group)
    for _ in range(3):
        match = _LEFT.search(text[max(0, start - _FARTHEST) : start])
        if match is None:
            break
        word = match[1].rstrip(".")
        is_named = is_first_name(word) or is_last_name(word) or word in _BEFORE_NAMES
        if (
            is_common(word)
            or is_eponym(word)
            or not is_named
            or (is_word(word) and not is_first_name(word))
        ):
            break
        start -= len(match[0])
    return start, end


def _goes_on(text: str, match: re.Match[str], word: str, start: int) -> bool:
    if is_common(word) or of_disease(text, match) or (word.isupper() and len(word) < 4):
        # "Rose MBBS", "Weiß CT".
        return False
    before = re.findall(r"[^\W\d_]+", text[start : match.start()])
    if (
        before
        and word.isupper()
        and (before[-1].isupper() or text[match.start() - 1 : match.start()] == ")")
    ):
        return (
            not is_word(word)
            or is_first_name(word)
            or is_last_name(word)
            or text[match.start() - 1] == ")"
        )
    if is_first_name(word) or is_last_name(word):
        return not is_eponym(word) or text[match.start() : match.start() + 1] == "-"
    if not before or not is_first_name(before[-1]) or is_eponym(word) or is_ordinary(word):
        return False
    # "William Rose", "Fatma Nur Karaçelik".
    return not is_word(word) or len(before) == 1
