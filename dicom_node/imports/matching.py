"""What the studies of an import must match, checked before an archive is asked."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from pydicom.datadict import dictionary_VR

from storage.core.errors import InvalidRequest
from storage.index.matching.attributes import ATTRIBUTES, Kind
from storage.index.matching.header_matching import OF_STUDY

_DATES = re.compile(r"\d{8}(?:-(?:\d{8})?)?|-\d{8}")
_KEYWORDS = frozenset(
    {
        keyword
        for keyword, attribute in ATTRIBUTES.items()
        if attribute.level in ("PATIENT", "STUDY") and attribute.kind is not Kind.COUNT
    }
    | {keyword for keyword in OF_STUDY if dictionary_VR(keyword) != "SQ"}
)


def check_study_keys(query: Mapping[str, str]) -> Mapping[str, str]:
    """The query itself. Raises InvalidRequest for a key that no study is found by.

    An archive ignores keys that it does not know (PS3.4 C.1.3.1, PS3.18 8.3.4.1), and would list
    all that it has.
    """
    for keyword, value in query.items():
        if value and _is_date(keyword) and not _DATES.fullmatch(value):
            raise InvalidRequest(
                f"'{value}' is no date or range of dates, which {keyword} is.",
                remedy="Write YYYYMMDD, or a range as 20240101-20241231, 20240101- or -20241231.",
            )
        if keyword not in _KEYWORDS:
            nearest = get_close_matches(keyword, sorted(_KEYWORDS), n=1)
            raise InvalidRequest(
                f"Studies are not found by '{keyword}'.",
                remedy=f"Did you mean {nearest[0]}?"
                if nearest
                else "Use a keyword of a study, such as StudyDate, ModalitiesInStudy or PatientID.",
            )
    return query


def _is_date(keyword: str) -> bool:
    return keyword in _KEYWORDS and dictionary_VR(keyword) == "DA"
