"""What a project lets leave: the Basic Profile of PS3.15 E.2 and the options of E.3."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from storage.core.errors import InvalidRequest


class Option(StrEnum):
    """The options of PS3.15 E.3; the codes of CID 7050 are in `CODES`."""

    RETAIN_FULL_DATES = "retain-full-dates"
    RETAIN_MODIFIED_DATES = "retain-modified-dates"
    RETAIN_UIDS = "retain-uids"
    RETAIN_DEVICE = "retain-device"
    RETAIN_INSTITUTION = "retain-institution"
    RETAIN_PATIENT_CHARACTERISTICS = "retain-patient-characteristics"
    RETAIN_SAFE_PRIVATE = "retain-safe-private"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_PIXEL_DATA = "clean-pixel-data"
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES = "clean-recognizable-visual-features"


BASIC_PROFILE_CODE = ("113100", "Basic Application Confidentiality Profile")
CODES: dict[Option, tuple[str, str]] = {
    Option.CLEAN_PIXEL_DATA: ("113101", "Clean Pixel Data Option"),
    Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES: (
        "113102",
        "Clean Recognizable Visual Features Option",
    ),
    Option.CLEAN_GRAPHICS: ("113103", "Clean Graphics Option"),
    Option.CLEAN_STRUCTURED_CONTENT: ("113104", "Clean Structured Content Option"),
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.RETAIN_FULL_DATES: (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    Option.RETAIN_MODIFIED_DATES: (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    Option.RETAIN_PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
    Option.RETAIN_DEVICE: ("113109", "Retain Device Identity Option"),
    Option.RETAIN_UIDS: ("113110", "Retain UIDs Option"),
    Option.RETAIN_SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Option.RETAIN_INSTITUTION: ("113112", "Retain Institution Identity Option"),
}


@dataclass(frozen=True)
class Profile:
    options: frozenset[Option] = frozenset()

    def __contains__(self, option: Option) -> bool:
        return option in self.options

    @property
    def codes(self) -> list[tuple[str, str]]:
        """Value and meaning for De-identification Method Code Sequence, in order."""
        return sorted([BASIC_PROFILE_CODE, *(CODES[one] for one in self.options)])

    @property
    def temporal_information(self) -> str:
        """Longitudinal Temporal Information Modified (PS3.3 C.12.1.1.10)."""
        if Option.RETAIN_FULL_DATES in self:
            return "UNMODIFIED"
        return "MODIFIED" if Option.RETAIN_MODIFIED_DATES in self else "REMOVED"


def read_profile(names: Iterable[str]) -> Profile:
    """The profile with the options of these names. Raises InvalidRequest."""
    options = set()
    for name in names:
        try:
            options.add(Option(name))
        except ValueError as error:
            raise InvalidRequest(
                f"'{name}' is not an option of de-identification.",
                remedy=f"Use some of {', '.join(Option)}.",
            ) from error
    if {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES} <= options:
        raise InvalidRequest(
            "Dates are either left as they are or modified.",
            remedy="Choose retain-full-dates or retain-modified-dates.",
        )
    if {Option.RETAIN_UIDS, Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES} <= options:
        raise InvalidRequest(
            "Images without their faces are other instances than before, and need UIDs of their"
            " own (PS3.3 C.7.6.1.1.2).",
            remedy="Choose retain-uids or clean-recognizable-visual-features.",
        )
    return Profile(frozenset(options))
