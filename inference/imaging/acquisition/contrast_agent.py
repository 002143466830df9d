"""Whether images were made with a contrast agent, as their headers state it (PS3.3 C.7.6.4)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

# Some write in the place of the agent that there is none.
_NO_AGENT = ("no", "none", "no contrast", "without", "without contrast")
_NAMED = ("ContrastBolusIngredient", "ContrastBolusRoute")
_AMOUNTS = ("ContrastBolusVolume", "ContrastBolusTotalDose")
_USAGE = "ContrastBolusUsageSequence"


def contrast_agent_given(header: Dataset) -> bool:
    """Whether any frame of an image was made with one."""
    return frames_with_contrast_agent(header)[0] > 0


def frames_with_contrast_agent(header: Dataset) -> tuple[int, int]:
    """How many frames of an image were made with one, and how many state how they were made.

    By name, code, ingredient, route or amount; of an enhanced image, whose agents may have been
    given between its frames, by what each frame states of their use (C.7.6.16.2.12).
    """
    frames: Sequence[Dataset] = header.get("PerFrameFunctionalGroupsSequence") or ()
    count = len(frames) or 1
    shared = [one for group in _shared(header) for one in group.get(_USAGE) or ()]
    used = [shared or list(one.get(_USAGE) or ()) for one in frames]
    if not any(used) and not shared:
        return (count if _is_stated(header) else 0), count
    if not frames:
        return (count if any(map(_is_administered, shared)) else 0), count
    return sum(any(map(_is_administered, one)) for one in used), count


def _shared(header: Dataset) -> Sequence[Dataset]:
    found: Sequence[Dataset] = header.get("SharedFunctionalGroupsSequence") or ()
    return found


def _is_administered(usage: Dataset) -> bool:
    """Whether an agent was given before a frame; some leave the word away."""
    return _text(usage, "ContrastBolusAgentAdministered").upper() != "NO"


def _is_stated(header: Dataset) -> bool:
    if header.get("ContrastBolusAgentSequence"):
        return True
    stated = _text(header, "ContrastBolusAgent").casefold()
    if stated:
        return stated not in _NO_AGENT
    return any(_text(header, keyword) for keyword in _NAMED) or any(
        _is_positive(header.get(keyword)) for keyword in _AMOUNTS
    )


def contrast_agent_name(header: Dataset) -> str:
    """As the header names the agent that was given; empty where it does not."""
    coded = [_text(item, "CodeMeaning") for item in header.get("ContrastBolusAgentSequence") or ()]
    names = [_text(header, "ContrastBolusAgent"), *coded, _text(header, "ContrastBolusIngredient")]
    return next((name for name in names if name), "")


def _text(header: Dataset, keyword: str) -> str:
    return " ".join(str(header.get(keyword) or "").split())


def _is_positive(value: object) -> bool:
    try:
        return float(str(value)) > 0
    except ValueError:
        return False
