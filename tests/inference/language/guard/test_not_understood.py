"""What stands beside words that nobody understands is not believed, whatever the words are."""

import itertools
import zlib

import pytest

from inference.language.guard import Evidence, SourceText, check_sentence

ENGLISH = ("effusion", "pneumothorax", "infarct", "abscess", "fracture", "pulmonary embolism")
GERMAN = ("Erguss", "Pneumothorax", "Infarkt", "Abszess", "Fraktur", "Lungenembolie")
# Verbs that deny, ask, doubt or speak of then, and some that do not exist.
UNDOING = (
    "have vanished", "were disproved", "were sought in vain", "have been asked for", "are lacking",
    "would be visible on this scan", "cannot be confirmed", "were the questions", "are none",
    "were drained last week", "have glorped", "blimmed", "are brillig and slithy", "got flobbed",
    "have resolved", "were excluded", "were ruled out", "were removed", "are no longer seen",
    "were present in 2019", "were present previously", "are absent",
)  # fmt: skip
UNDOING_DE = (
    "lassen sich nicht nachweisen", "ließen sich nicht darstellen", "scheiden aus", "fehlen",
    "wurden gesucht", "sind auszuschließen", "sehe ich nicht", "bestehen nicht",
    "können nicht bestätigt werden", "finden sich keine", "wurden operativ saniert",
    "sind vollständig resorbiert", "glorpen", "wurden verflumst", "haben sich zerquixt",
    "kommen nicht zur Darstellung", "sind nicht zu sehen", "wurden entfernt",
    "sind nicht mehr nachweisbar", "liegen nicht vor",
)  # fmt: skip
NOTES = (
    "{}, resolved.", "{}, now resolved.", "{}? None.", "{} - none.", "{} (clipped 2015).",
    "{} (removed).", "{}, removed.", "{}, excluded.", "{}: negative.", "{}: glorped.", "{} (-).",
    "{}?", "{}, blimmed in 2010.", "{}; refuted.", "{}. Refuted.", "{}. It was refuted.",
    "{}. It has resolved.", "{}. Resolved.", "Refuted: {}.", "Refuted:\n{}.", "Blimmed {}.",
    "Previous {}.", "{} previously.", "{} in 2010.", "Resected {}.", "{}: 0.", "{}, healed.",
    "{} - nein.", "{}, resorbiert.", "{} (operiert 2010).", "{}, ausgeschlossen.", "{}? Nein.",
    "Ausgeschlossen: {}.", "{}, rekanalisiert.", "{}, entfernt.", "{}, nicht mehr nachweisbar.",
    "{}: verflumst.", "{}. Verflumst.", "Zuvor {}.", "Verflumste {}.",
)  # fmt: skip
# Vessels, muscles and bones, known and unknown to the vocabulary.
PLACES_DE = (
    "A. brachialis", "A. poplitea", "A. femoralis superficialis", "A. femoralis profunda",
    "V. peronea", "M. soleus", "A. lienalis", "V. saphena magna", "Os naviculare", "N. ulnaris",
    "A. flumsaris", "M. quixus profundus", "A. cerebri media", "A. carotis interna",
)  # fmt: skip
PLACES = (
    "brachial artery", "superficial femoral artery", "peroneal vein", "soleus muscle", "glorp",
    "navicular bone", "ulnar nerve", "flumsian artery", "internal carotid artery", "kidney",
)  # fmt: skip
THINGS_DE = ("Verschluss", "Aneurysma", "Stenose", "Thrombose")
THINGS = ("occlusion", "aneurysm", "stenosis", "thrombus")


def says(source: str, sentence: str) -> bool:
    evidence = Evidence(texts=(SourceText("report", source, "report"),))
    return check_sentence(sentence, evidence).supported


def some(count: int, *sets: object) -> list[tuple[str, ...]]:
    """The same share of all combinations in every run."""
    every = list(itertools.product(*sets))  # type: ignore[call-overload]
    return sorted(every, key=lambda one: zlib.crc32(repr(one).encode()))[:count]


@pytest.mark.parametrize(
    ("words", "verbs", "joint"), [(ENGLISH, UNDOING, "and"), (GERMAN, UNDOING_DE, "und")]
)
def test_a_list_before_a_verb_that_is_not_understood_is_not_there(
    words: tuple[str, ...], verbs: tuple[str, ...], joint: str
) -> None:
    for verb in verbs:
        for count in (1, 2, 3, 4):
            things = words[:count] if len(verb) % 2 else words[-count:]
            listed = f"{', '.join(things[:-1])} {joint} {things[-1]}" if count > 1 else things[0]
            source = f"CT. {listed[0].upper()}{listed[1:]} {verb}."
            for thing in things:
                claim = f"{thing[0].upper()}{thing[1:]}."
                assert not says(source, claim), (source, claim)


@pytest.mark.parametrize("note", NOTES)
def test_a_note_behind_a_thing_says_something_of_it(note: str) -> None:
    for thing in (*ENGLISH[:3], *GERMAN[3:]):
        source = "CT chest.\n\n" + note.format(f"{thing[0].upper()}{thing[1:]}")
        for claim in (f"{thing[0].upper()}{thing[1:]}.", f"There is {thing}."):
            assert not says(source, claim), (source, claim)


@pytest.mark.parametrize("place", PLACES_DE)
def test_a_place_takes_its_side_along_in_german(place: str) -> None:
    for thing, other in some(
        8, THINGS_DE, ("geringe Verkalkung", "Plaques", "unauffällig", "offen")
    ):
        for here, there in (("links", "rechts"), ("rechts", "links")):
            source = f"{thing} der {place} {here}. {place} {there}: {other}."
            assert not says(source, f"{thing} der {place} {there}."), source
            source = f"{place} {there} {other}, {thing} der {place} {here}."
            assert not says(source, f"{thing} der {place} {there}."), source
            assert says(f"{thing} der {place} {here}.", f"{thing} der {place} {here}."), place


@pytest.mark.parametrize("place", PLACES)
def test_a_place_takes_its_side_along(place: str) -> None:
    for thing, other in some(8, THINGS, ("mild calcification", "normal", "patent", "plaques")):
        for here, there in (("left", "right"), ("right", "left")):
            beside = f"{there.capitalize()} {place}: {other}."
            source = f"{thing.capitalize()} of the {here} {place}. {beside}"
            assert not says(source, f"{thing.capitalize()} of the {there} {place}."), source


WHERE = (
    ("in the right upper lobe", "in the left lower lobe"),
    ("in segment II", "in segment VI"),
    ("in the left breast", "in the right breast"),
    ("of the spleen", "of the liver"),
)
LATER = (
    "{} was 5 mm before", "{} is new", "{} is calcified", "{} has grown", "{} is spiculated",
    "{} enhances", "{} measures 9 mm", "{} is unchanged",
)  # fmt: skip
OF_ONE = (
    "The {thing} {place} has grown.", "The {thing} {place} is new.", "Calcified {thing} {place}.",
    "Spiculated {thing} {place}.", "The {thing} {place} enhances.", "9 mm {thing} {place}.",
    "The {thing} {place} is unchanged.", "7 mm {thing} {place}.", "12 mm {thing} {other}.",
    "The {thing} {other} has grown.", "The {thing} {other} is calcified.", "9 mm {thing} {other}.",
)  # fmt: skip
WHERE_DE = (
    ("im rechten Oberlappen", "im linken Unterlappen"),
    ("in Segment II", "in Segment VI"),
    ("in BWK 7", "in LWK 2"),
)
LATER_DE = (
    "{} war zuvor 5 mm", "{} ist neu", "{} ist verkalkt", "{} ist gewachsen", "{} ist unverändert",
)  # fmt: skip
OF_ONE_DE = (
    "{thing} {place} ist neu.", "Verkalkte {thing} {place}.", "{thing} {place} ist gewachsen.",
    "{thing} {place}, 7 mm.", "{thing} {place} ist unverändert.", "{thing} {other}, 12 mm.",
    "{thing} {other} ist neu.", "{thing} {other} ist gewachsen.",
)  # fmt: skip


@pytest.mark.parametrize("thing", ["mass", "nodule", "lesion"])
@pytest.mark.parametrize("joint", [". The", ", the", "; the", ". This"])
def test_what_may_be_said_of_either_of_two_is_said_of_neither(thing: str, joint: str) -> None:
    for (one, two), later in some(12, WHERE, LATER):
        said = later.format(f"{joint[joint.rindex(' ') + 1 :]} {thing}")
        source = f"CT. 12 mm {thing} {one}. 7 mm {thing} {two}{joint[: joint.rindex(' ')]} {said}."
        for claim in OF_ONE:
            sentence = claim.format(thing=thing, place=one, other=two)
            assert not says(source, sentence), (source, sentence)


@pytest.mark.parametrize("joint", [". Die", ", die", ". Diese"])
def test_what_may_be_said_of_either_of_two_is_said_of_neither_in_german(joint: str) -> None:
    for (one, two), later in some(15, WHERE_DE, LATER_DE):
        said = later.format(f"{joint[joint.rindex(' ') + 1 :]} Metastase")
        source = (
            f"CT. Metastase {one}, 12 mm. Metastase {two}, 7 mm{joint[: joint.rindex(' ')]} {said}."
        )
        for claim in OF_ONE_DE:
            sentence = claim.format(thing="Metastase", place=one, other=two)
            assert not says(source, sentence), (source, sentence)


def test_a_sentence_with_unknown_words_may_be_said_again() -> None:
    assert says("Glorpian occlusion of the left artery.", "Left glorpian occlusion of the artery.")
    assert says("The mass in the liver glorps.", "The mass in the liver glorps.")
    assert says("No glorpian mass; a cyst in the spleen.", "Cyst in the spleen.")


def test_one_thing_is_one_over_several_sentences() -> None:
    source = "CT. 12 mm nodule in the right upper lobe. The nodule is spiculated."
    assert says(source, "Spiculated 12 mm nodule in the right upper lobe.")
