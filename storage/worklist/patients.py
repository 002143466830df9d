"""Whether two orders of one accession number are of one patient."""

from collections.abc import Mapping
from typing import Any


def are_of_two_patients(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Two sites may give out one number. A patient whose ID was changed, as by a merge, has the
    same birth date; where one of them has none, names decide."""
    if is_same_id(before, after):
        return False
    for keyword in ("PatientBirthDate", "PatientName"):
        known, stated = _of(before, keyword), _of(after, keyword)
        if known and stated:
            return known != stated
    return False


def is_same_id(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return _of(before, "PatientID") == _of(after, "PatientID")


def _of(attributes: Mapping[str, Any], keyword: str) -> str:
    return " ".join(str(attributes.get(keyword) or "").split()).casefold()
