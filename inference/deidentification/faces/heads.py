"""Whether an image shows a head, by what its header says of the body.

The header is the sender's word. What it does not say is not guessed: such a series may show a head.
"""

import re
from collections.abc import Iterable
from enum import IntEnum

from pydicom.dataset import Dataset

from storage.core.text.text_folding import folded


class Shown(IntEnum):
    """In the order in which one image decides on its series."""

    ELSEWHERE = 0
    """A part of the body without a face."""
    PERHAPS = 1
    """It may reach up to the head, or nothing says what it shows."""
    HEAD = 2


# Of PS3.16 Annex L and CID 4, and as people write them, in English and German; folded.
_HEAD = re.compile(
    r"head|skull|brain|crani|cereb|encephal|stroke|pituit|sella|hypophys|orbit|sinuses|paranasal"
    r"|nasal|nasopharyn|mandib|maxill|temporomandib|dental|kopf|schadel|schaedel|hirn|gesicht|kiefer"
    r"|neuro|felsenbein|petrous|mastoid"
)
"""A word begins with it."""
_HEAD_WORDS = frozenset(
    "face facial faces nose eye eyes ear ears iac iam jaw jaws mouth tongue tooth teeth tmj nnh"
    " sinus auge augen ohr nase dvt cbct cct cmrt".split()
)
_PERHAPS = re.compile(
    r"neck|hals|cervic|cspine|carot|larynx|laryng|pharyn|oropharyn|thyroid|schilddruse|whole|ganz"
    r"|polytrauma|trauma|body"
)
_PERHAPS_WORDS = frozenset("hws wb fullbody".split())
_ELSEWHERE = re.compile(
    r"chest|thora|lung|pulmon|abd|pelv|becken|knee|knie|ankle|foot|feet|fuss|sprung|hand|wrist"
    r"|elbow|ellbog|ellenbog|shoulder|schulter|heart|herz|cardia|coronary|breast|mamm|liver|leber"
    r"|kidney|niere|renal|prostat|bladder|blase|uter|ovar|pancrea|pankrea|spleen|milz|lumbar|lspine"
    r"|tspine|sacr|hufte|huft|femur|tibia|fibula|humer|forearm|unterarm|oberarm|unterschenkel"
    r"|oberschenkel|extrem|finger|rectum|rektum|colon|enter|bowel|darm|aort|mrcp|clavic|scapul"
    r"|calcan|patell|lowerleg|upperarm|biliar|adrenal|scrot|penis|placent|stomach|esoph"
)
_ELSEWHERE_WORDS = frozenset("arm leg hip hips toe toes lws bws ctpa ccta rib ribs".split())
_DESCRIPTIONS = (
    "SeriesDescription",
    "ProtocolName",
    "PerformedProcedureStepDescription",
    "StudyDescription",
    "RequestedProcedureDescription",
)
# How the patient lay.
_NO_PART = re.compile(r"\bhead[ _-]*(?:first|in\b)")
_LETTERS = re.compile(r"[a-z]+")


def shown_by(header: Dataset) -> Shown:
    """What one image shows. Nothing but part and region of the body lets an image leave unseen.

    Words of descriptions name what a patient has, how they lay and what they did as often as what
    was imaged: a head is looked at for what a lung has sown, and while fingers are tapped.
    """
    if str(header.get("RecognizableVisualFeatures") or "").strip().upper() == "YES":
        return Shown.HEAD
    stated = _said(_regions(header))
    described = _said(_texts(header, _DESCRIPTIONS)) or Shown.ELSEWHERE
    if stated is None:
        return max(described, Shown.PERHAPS)
    # A neck, or a chest whose series or study is called after a head.
    return Shown.PERHAPS if stated is Shown.ELSEWHERE and described else stated


def _said(texts: Iterable[str]) -> Shown | None:
    """The most that some texts say; None where they name no part of the body."""
    found: Shown | None = None
    for text in texts:
        for word in _LETTERS.findall(_NO_PART.sub(" ", folded(text))):
            shown = _word(word)
            if shown is not None and (found is None or shown > found):
                found = shown
    return found


def _word(word: str) -> Shown | None:
    if _HEAD.match(word) or word in _HEAD_WORDS:
        return Shown.HEAD
    if _PERHAPS.match(word) or word in _PERHAPS_WORDS:
        return Shown.PERHAPS
    return Shown.ELSEWHERE if _ELSEWHERE.match(word) or word in _ELSEWHERE_WORDS else None


def _regions(header: Dataset) -> list[str]:
    """Body Part Examined and Anatomic Region Sequence, also those of functional groups."""
    holders = [header]
    for groups in (
        *(header.get("SharedFunctionalGroupsSequence") or ()),
        *(header.get("PerFrameFunctionalGroupsSequence") or ()),
    ):
        holders += groups.get("FrameAnatomySequence") or ()
    found = _texts(header, ("BodyPartExamined",))
    for holder in holders:
        for region in holder.get("AnatomicRegionSequence") or ():
            found.append(str(region.get("CodeMeaning") or ""))
    return found


def _texts(header: Dataset, keywords: Iterable[str]) -> list[str]:
    return [str(header.get(keyword) or "") for keyword in keywords]
