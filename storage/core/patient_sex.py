"""PatientSex as senders write it, and what it means (PS3.3 C.7.1.1: M, F and O)."""

from typing import Literal

Sex = Literal["M", "F", "O", ""]
_MEANT: dict[str, Sex] = {
    "M": "M",
    "MALE": "M",
    "F": "F",
    "FEMALE": "F",
    # German senders: weiblich.
    "W": "F",
    "O": "O",
    "OTHER": "O",
}


def sex_of(stated: object) -> Sex:
    """The value that is meant, of any case and with blanks around; empty where none is known."""
    return _MEANT.get(str(stated or "").strip(" \0").upper(), "")
