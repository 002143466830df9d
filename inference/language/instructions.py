"""Text that talks to a model instead of about a patient.

A report, a DICOM attribute or a scanned page is data. A sentence in it that gives orders to
whoever reads it by machine is taken out before a model or a summary sees it, and is reported.
What slips through meets the guard, which lets nothing pass that the findings do not support.
"""

import re
from dataclasses import dataclass

from inference.language.sentences import split_sentences

_ORDERS = re.compile(
    r"""
    \b(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass)\b[^.]{0,60}
      \b(?:instruction|instructions|prompt|prompts|rules?|guidelines?|everything|guard|above|previous|context)\b
    | \b(?:system|developer|hidden|new|secret)\s+(?:prompt|instructions?|message)\b
    | \byou\s+are\s+(?:now\s+)?(?:an?\s+)?(?:ai\b|assistant|language\s+model|llm|chatbot|dan\b)
    | \b(?:as|dear|attention|note\s+to)\s+(?:an?\s+|the\s+)?
      (?:ai|llm|language\s+model|assistant|chatbot)\b
    | \b(?:instead|now)\s*,?\s+(?:write|say|state|answer|output|respond|report|reply|print)\b
    | ^\W*(?:write|say|state|answer|output|respond|reply|print|repeat|translate|pretend|act)\b
      [^.]{0,40}\b(?:that|with|only|exactly|the\s+following|as\s+if|:)
    | \bdo\s+not\s+(?:mention|report|tell|reveal|summari[sz]e)\b
    | \bjailbreak\b
    | \bignorier\w*\b[^.]{0,60}\b(?:anweisung\w*|vorgaben|regeln|obig\w*|bisherig\w*)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Marks by which chat models tell turns apart; in a text they are never meant as text.
_MARKS = re.compile(
    r"<\|[^|<>]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|user|tool|image)>"
    r"|^\s*#{2,}\s*(?:system|assistant|user|instruction|response)\b.*$"
    r"|^\s*(?:system|assistant|user|human)\s*:",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Cleaned:
    """A text without what gives orders; `removed` are the sentences that did."""

    text: str
    removed: tuple[str, ...]


def gives_orders(sentence: str) -> bool:
    return bool(_ORDERS.search(sentence) or _MARKS.search(sentence))


def without_orders(text: str) -> Cleaned:
    """Take out each sentence that gives orders to a model, with what it says.

    A text without such a sentence comes back as it was.
    """
    removed = [one for one in split_sentences(text) if gives_orders(one)]
    for sentence in removed:
        # It may run over lines of the source.
        words = r"\s+".join(re.escape(word) for word in sentence.split())
        text = re.sub(words, " ", text, count=1)
    return Cleaned(_MARKS.sub(" ", text), tuple(removed))
