"""A sentence that says what one clause of a source says, in the same words or their like.

Words that the vocabulary does not know are compared as they stand. So that nothing is read into
them, all words of the clause must stand in the sentence and all of the sentence in the clause or
its heading; each adjective, number and side must belong to the same noun; what is related keeps
its order. A clause with anything left over supports nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from inference.language.guard.assertions.places import NEUTRAL, WIDE, site_of
from inference.language.guard.assertions.reading.document import SourceSentence
from inference.language.guard.assertions.reading.items import Item, itemise
from inference.language.guard.assertions.reading.parse import GENERAL_PARTS
from inference.language.guard.assertions.symbols import LEVEL
from inference.language.guard.evidence import SourceText
from inference.language.guard.lexicon import lexicon
from inference.language.guard.roots import alike, root_of, section_words, words_of
from inference.language.guard.verdict import SourceSpan

_NOUNS = frozenset(("thing", "anatomy", "measure", "modality"))
_NAMES = frozenset(("noun", "place", "unknown"))
_ORDERING = frozenset(("relation", "change"))
_MOST_ITEMS = 60
_BUT = frozenset(("but", "while", "whereas", "yet", "aber", "während", "jedoch", "although"))
_DETERMINERS = frozenset("no without ohne kein keine keinen keiner keinem keines".split())
_CONDITIONS = frozenset("if unless wenn falls sofern should".split())
_MOST_CLAUSES = 6


@dataclass(frozen=True)
class _Token:
    meaning: str
    kind: str
    """`noun`, `place` (a noun, too), `word`, `order`, `trigger` or `small`."""
    phrase: int = 0


@dataclass
class _Clause:
    """The meaning of a clause, but for its small words."""

    tokens: list[_Token] = field(default_factory=list)
    understood: bool = True

    @property
    def bag(self) -> Counter[str]:
        return Counter(one.meaning for one in self.tokens)


def restated(
    sentence: str, texts: Sequence[SourceText], sources: Sequence[SourceSentence]
) -> tuple[SourceSpan, ...]:
    """The source sentences that say the same as each clause; none where one has no such."""
    by_id = {one.source_id: one.text for one in texts if one.kind == "report"}
    usable = [one for one in sources if one.span.source_id in by_id and _is_usable(one)]
    found: list[SourceSpan] = []
    named: dict[SourceSpan, set[str]] = {}
    for clause in _clauses(itemise(sentence).items):
        span = next(
            (
                one.span
                for one in usable
                for part in _of_source(by_id[one.span.source_id][one.span.start : one.span.end])
                if _says(clause, part, one, named.get(one.span, set()))
            ),
            None,
        )
        if span is None:
            return ()
        found.append(span)
        named.setdefault(span, set()).update(clause.bag)
    return tuple(dict.fromkeys(found))


def _is_usable(source: SourceSentence) -> bool:
    context = source.context
    return not (source.history or source.taken_back or context.unread - section_words())


@lru_cache(maxsize=4096)
def _of_source(written: str) -> tuple[_Clause, ...]:
    """The clauses of a source sentence that no other of its clauses may take back."""
    clauses = _clauses(_without_purpose(itemise(written).items))
    return tuple(
        one
        for one in clauses
        if all(other is one or _stands_apart(other, one) for other in clauses)
    )


def _stands_apart(other: _Clause, clause: _Clause) -> bool:
    """Whether a clause speaks of another thing, in known words; not `..., but it was refuted`."""
    mine = {one.meaning for one in clause.tokens if one.kind in _NAMES}
    named = {one.meaning for one in other.tokens if one.kind in _NAMES}
    plain = all(
        one.kind in ("noun", "place", "word") or one.meaning == "trigger:negation"
        for one in other.tokens
    )
    return other.understood and plain and bool(named) and not named & mine


def _clauses(items: Sequence[Item]) -> list[_Clause]:
    """The clauses of a sentence, parted where none can reach into another."""
    parts: list[list[Item]] = [[]]
    for position, item in enumerate(items):
        ahead = items[position + 1] if position + 1 < len(items) else None
        comma = item.kind == "mark" and item.text == ","
        if item.text in _BUT or (comma and _denies_anew(items[position + 1 :])):
            parts.append([])
        elif ahead is None and item.text == ".":
            break
        elif not (comma and ahead is not None and ahead.text in _BUT):
            parts[-1].append(item)
    made = [_clause(part) for part in parts if part]
    if len(made) > _MOST_CLAUSES or len(items) > _MOST_ITEMS:
        return []
    return made


def _denies_anew(items: Sequence[Item]) -> bool:
    """`Trabeculated wall, no mass`; not `Fracture, none`."""
    if not items or items[0].kind != "trigger" or items[0].text not in _DETERMINERS:
        return False
    behind = [one for item in items[1:3] for one in item.mentions]
    return any(one.category in ("thing", "property", "anatomy") for one in behind)


def _clause(items: Sequence[Item]) -> _Clause:
    clause, phrase, joined = _Clause(), 0, True
    for item in items:
        if item.kind != "trigger" and item.text in words_of("neutral") | words_of("joints"):
            # A new phrase begins behind it.
            phrase, joined = phrase + (not joined), True
            continue
        joined = False
        made = list(_tokens(item, phrase))
        clause.understood &= bool(made)
        clause.tokens += made
    return clause


def _without_purpose(items: Sequence[Item]) -> Sequence[Item]:
    """`PET/CT is recommended for further evaluation` recommends it."""
    recommended = [at for at, one in enumerate(items) if one.meaning == "recommended"]
    purpose = [at for at, one in enumerate(items) if one.text in ("for", "zur")]
    conditional = any(one.text in _CONDITIONS for one in items)
    if not recommended or not purpose or purpose[0] < recommended[0] or conditional:
        return items
    return items[: purpose[0]]


def _tokens(item: Item, phrase: int) -> Iterator[_Token]:
    if item.kind == "trigger":
        yield _Token(f"trigger:{item.meaning}", "trigger", phrase)
    elif item.kind == "side":
        yield _Token(f"side:{item.meaning}", "word", phrase)
    elif item.kind == "symbol":
        yield _Token(item.meaning, "word", phrase)
    elif item.kind == "number":
        axes = " x ".join(f"{one.value:g} {one.unit}" for one in item.numbers)
        yield _Token(f"number:{axes} {item.meaning}", "word", phrase)
    elif item.kind == "name":
        for mention in item.mentions:
            yield _named(mention.concept, mention.category, phrase)
    elif item.kind == "small" and item.text not in (",", "("):
        yield _Token(f"small:{item.text}", "small", phrase)
    elif item.kind == "unknown" and item.text.isalpha():
        yield _Token(f"word:{root_of(item.text)}", "unknown", phrase)


def _named(concept: str, category: str, phrase: int) -> _Token:
    if category == "word":
        root = root_of(concept.removeprefix("word:"))
        entry = lexicon().concepts.get(root)
        if entry is None:
            return _Token(f"word:{root}", "unknown", phrase)
        concept, category = root, entry.category
    concept = alike(concept)
    if category == "side":
        return _Token(f"side:{concept}", "word", phrase)
    if category in _ORDERING:
        return _Token(concept, "order", phrase)
    if category == "anatomy":
        return _Token(concept, "place", phrase)
    return _Token(concept, "noun" if category in _NOUNS else "word", phrase)


# --- comparing --------------------------------------------------------------------------------


def _says(claim: _Clause, source: _Clause, sentence: SourceSentence, named: set[str]) -> bool:
    """`named` is what the clauses before name of the same sentence."""
    if not (claim.understood and source.understood and claim.tokens and source.tokens):
        return False
    more = claim.bag - source.bag
    if source.bag - claim.bag or not set(more) <= _of_heading(sentence):
        return False
    if not any(one.kind in ("noun", "place", "unknown") for one in claim.tokens):
        return False
    ours = [one for one in claim.tokens if one.meaning not in more]
    if len(ours) != len(source.tokens) or _left_out(named | set(claim.bag), source, sentence):
        return False
    same_order = [one.meaning for one in ours] == [one.meaning for one in source.tokens]
    places = [
        [one.meaning for one in each if one.kind == "place"] for each in (ours, source.tokens)
    ]
    if places[0] != places[1]:
        return False
    free = _is_free(source.tokens) and _belongings(ours) == _belongings(source.tokens)
    return same_order or free


def _places(tokens: Sequence[_Token]) -> list[str]:
    return [one.meaning for one in tokens if one.kind == "place"]


def _of_heading(sentence: SourceSentence) -> set[str]:
    place = sentence.context.place
    return {*place.anatomy, *place.levels, *(f"side:{one}" for one in place.sides)}


def _left_out(named: set[str], source: _Clause, sentence: SourceSentence) -> bool:
    """Whether a side, level or place of the heading is missing without which it says more."""
    place = sentence.context.place
    if not {*place.levels, *(f"side:{one}" for one in place.sides)} <= named:
        return True
    places = {one.meaning for one in source.tokens if one.kind == "place"}
    if places & GENERAL_PARTS:
        # `Thickened wall`
        return not place.anatomy - WIDE - NEUTRAL <= named
    of_place = bool(places)
    if sentence.context.listed:
        return not of_place
    there = any(one.kind == "noun" for one in source.tokens) and not any(
        one.kind == "trigger" for one in source.tokens
    )
    sited = any(site_of(one.meaning) for one in source.tokens)
    return not (there or of_place or sited or place.anatomy - WIDE - NEUTRAL <= named)


def _is_free(tokens: Sequence[_Token]) -> bool:
    """Whether its words may change their order without changing what is stated of what."""
    kinds = Counter(one.kind for one in tokens)
    sides = sum(one.meaning.startswith("side:") for one in tokens)
    levels = sum(one.meaning.startswith(LEVEL) for one in tokens)
    numbers = sum(one.meaning.startswith("number:") for one in tokens)
    ordered = kinds["order"] + kinds["small"]
    things = kinds["noun"] + kinds["unknown"]
    names = [one.meaning for one in tokens if one.kind in _NAMES]
    if len(set(names)) != len(names):
        # `Small mesenteric nodes and an enlarged portacaval node`
        return False
    # A thing and adjectives that are not known, or a thing and a place.
    alone = things <= 1 or (kinds["noun"] <= 1 and kinds["unknown"] <= 1)
    return not ordered and alone and max(sides, levels, numbers) <= 1 and kinds["trigger"] <= 1


def _belongings(tokens: Sequence[_Token]) -> Counter[tuple[str, str]]:
    """Which noun each adjective, side, level, number and unknown word belongs to."""
    found: Counter[tuple[str, str]] = Counter()
    things = [one for one in tokens if one.kind == "noun"]
    nouns = [one for one in tokens if one.kind in ("noun", "place")]
    first = things[:1] or [one for one in nouns if one.phrase == nouns[0].phrase][-1:]
    for position, one in enumerate(tokens):
        if one.kind in ("noun", "place"):
            continue
        if one.kind == "trigger":
            ahead = any(two.kind == "noun" for two in tokens[position + 1 :])
            found[one.meaning, "all" if ahead or not things else "before"] += 1
            continue
        own = [two for two in nouns if two.phrase == one.phrase]
        behind = [two for two in tokens[position + 1 :] if two in own]
        before = [two for two in tokens[:position] if two in own]
        if one.meaning.startswith("number:") and not behind:
            before = []
        thing = [two for two in behind if two.kind == "noun"]
        owner = thing[:1] or behind[-1:] or before[-1:] or first
        found[one.meaning, owner[0].meaning if owner else ""] += 1
    return found
