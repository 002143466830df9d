"""States as people and programs are given them: `in_progress`, `cancelled`.

In the database, and towards DICOM, they are spelled as a Unified Procedure Step has them
(PS3.4 CC.1.1).
"""

_FORMER = {"canceled": "cancelled"}


def state_word(state: str) -> str:
    """The one spelling of a state outside DICOM."""
    word = state.strip().lower().replace(" ", "_").replace("-", "_")
    return _FORMER.get(word, word)
