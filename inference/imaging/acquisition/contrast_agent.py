"""Whether images were made with a contrast agent, as their headers state it (PS3.3 C.7.6.4)."""

from pydicom.dataset import Dataset

# Some write in the place of the agent that there is none.
_NO_AGENT = ("no", "none", "no contrast", "without", "without contrast")
_NAMED = ("ContrastBolusIngredient", "ContrastBolusRoute")
_AMOUNTS = ("ContrastBolusVolume", "ContrastBolusTotalDose")


def contrast_agent_given(header: Dataset) -> bool:
    """By its name, by its code (enhanced images), or else by ingredient, route or amount."""
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
