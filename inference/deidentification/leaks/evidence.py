"""What identifies somebody in the original instances of a study: what must not be found in what
leaves."""

import re
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from inference.deidentification.leaks.names import NOBODY, NameForms, spellings, words_of
from inference.deidentification.profile import Profile
from inference.deidentification.profile_table import action_for, row_of
from inference.deidentification.pseudonyms import shifted
from inference.deidentification.words import is_known_word
from inference.language import identifiers
from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER
from storage.core.text.text_folding import folded
from storage.dicom.value_errors import UNREADABLE

TEXT_VRS = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_WORD = re.compile(r"[^\W_]+")
_DAY = re.compile(r"[0-9]{8}")
_SHORTEST_WORD = 4
_SHORTEST_NUMBER = 5
_LONGEST_SHORT_NAMES = 8
# Sequences whose items are codes of persons and institutions.
_PERSONS = re.compile(r"Identification|Institution|Issuer|PatientID|Observer|Author|Participant")
# Sequences that identify a thing, whose codes and names are also those of other studies.
_THINGS = re.compile(
    r"(?:Algorithm|CodingScheme|ContextGroup|Landmark|MappingResource|OpticalPath|RTROI|Segment"
    r"|SurfaceMesh|Template|Transducer)Identification"
)
_PLAIN_CODES = frozenset({"CodingSchemeDesignator", "CodingSchemeVersion", "MappingResource"})
_MAKERS = frozenset({Tag("Manufacturer"), Tag("ManufacturerModelName")})
# What names a structure or a step; it may contain an identifier, and is none.
_DESCRIPTION = re.compile(r"(?:Comments?|Description|Label)$|^ROI")
# This node is named in every result that it made, and in what it de-identified.
_OF_THIS_NODE = frozenset((*words_of(DEVICE_SERIAL_NUMBER), *words_of(MANUFACTURER)))
_OF_PATIENT = frozenset(
    {
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "AdmissionID",
        "ServiceEpisodeID",
        "MedicalRecordLocator",
        "RequestedProcedureID",
        "PlacerOrderNumberImagingServiceRequest",
        "FillerOrderNumberImagingServiceRequest",
        "PatientTelephoneNumbers",
    }
)
_DIRECT = frozenset({"NAME", "ID", "EMAIL", "PHONE", "ADDRESS", "URL"})


class Evidence:
    """Collected from every instance of a study: a report may name whom an image does not."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.names = NameForms()
        self.words: set[str] = set()
        """Folded; each identifies by itself."""
        self.phrases: set[str] = set()
        """Folded values of several words."""
        self.raw: set[str] = set()
        """Values as they are written, for what has no characters of its own."""
        self.numbered: set[str] = set()
        """Identifiers with digits, of whatever they are."""
        self.numbered_patients: set[str] = set()
        """Those of the patient, an order, a visit."""
        self.dates: set[str] = set()
        """As DA values."""
        self.uids: set[str] = set()
        self.birth_dates: set[str] = set()
        """As DA values, with others that no option lets leave: not even moved."""
        self._kept_dates: set[str] = set()
        self._moved_dates: set[str] = set()
        self._institutions: set[str] = set()
        """Folded values of attributes of institutions that an option lets leave."""
        self.makers: set[str] = set()
        """Folded words of the names of makers and models."""

    def add(self, dataset: Dataset) -> None:
        """Collect from an instance, at every level."""
        with warnings.catch_warnings():
            # Odd values in received data are the sender's.
            warnings.simplefilter("ignore")
            self._collect(dataset, persons=False)
        self.dates -= self._kept_dates
        # Of a newborn the day of the study is the birth date, too.
        self.birth_dates -= self._kept_dates | self._moved_dates
        # A hospital may be called as the maker of its scanner is; a person's name stays one.
        self.words -= self.makers - self.names.parts
        self._leave_institutions()

    def _leave_institutions(self) -> None:
        """What the project lets leave of an institution tells nothing more where somebody lives in
        its town, or where a report was verified there. A person's name stays one, and what
        identifies a patient, an order or a visit is never of an institution."""
        never = {word for one in self.numbered_patients for word in words_of(one)}
        never |= self.names.parts
        kept = [f" {one} " for one in self._institutions if never.isdisjoint(one.split())]
        words = {word for one in self._institutions for word in one.split()} - never
        if not words:
            return
        self.words -= words
        self.phrases = {
            one for one in self.phrases if not any(f" {one} " in whole for whole in kept)
        }
        self.raw = {
            one for one in self.raw if not ((parts := words_of(one)) and words.issuperset(parts))
        }
        self.numbered = {
            " ".join(word for word in words_of(one) if word not in words) for one in self.numbered
        }

    def dates_to_find(self, shift: timedelta | None = None) -> set[str]:
        """Every date that must not leave, as DA values.

        `shift`: by how much dates are moved. What it makes of them may leave, but the moved
        birth date would tell the exact age.
        """
        if not shift:
            return self.dates
        made = {shifted(one, shift) for one in self.dates - self.birth_dates}
        births = {shifted(one, shift) for one in self.birth_dates}
        return (self.dates | births) - made - {""}

    def _collect(self, dataset: Dataset, *, persons: bool) -> None:
        for element in _readable(dataset):
            if element.VR == "SQ":
                inner = persons or _is_about_persons(element.keyword)
                for item in element.value or ():
                    self._collect(item, persons=inner)
            elif element.VR == "PN":
                for value in _values(element):
                    self._add_name(value)
            elif element.VR in ("DA", "DT"):
                self._add_dates(element)
            elif element.VR == "UI":
                self._add_uids(element)
            elif element.VR in TEXT_VRS:
                self._add_text(element, persons=persons)

    def _add_text(self, element: DataElement, *, persons: bool) -> None:
        if element.tag in _MAKERS:
            self.makers |= {w for value in _values(element) for w in words_of(value)}
        row = row_of(element.tag)
        is_of_institution = element.keyword.startswith("Institution") and row is not None
        if is_of_institution and action_for(element.tag, self._profile) == "K":
            self._institutions |= {" ".join(words_of(one)) for one in _values(element)}
        if row is not None and (row.is_descriptor or _DESCRIPTION.search(element.keyword)):
            for value in _values(element):
                for span in identifiers.by_patterns(value):
                    if span.kind in _DIRECT:
                        self._add_identifier(value[span.start : span.end])
            return
        listed = row is not None and action_for(element.tag, self._profile) != "K"
        if listed or (persons and element.keyword not in _PLAIN_CODES):
            for value in _values(element):
                self._add_identifier(value, element.keyword)

    def _add_name(self, value: str) -> None:
        name = NameForms()
        name.add(value)
        self.names.merge(name)
        self.words |= name.parts
        self.raw.update(
            one
            for one in (*_WORD.findall(value), *name.parts)
            if len(one) >= _SHORTEST_WORD and folded(one) not in NOBODY
        )
        # The parts of other names are found by themselves.
        self.raw |= {one for one in name.joined if len(one) <= _LONGEST_SHORT_NAMES}

    def _add_identifier(self, value: str, keyword: str = "") -> None:
        parts = words_of(value)
        whole = " ".join(parts)
        if len(whole) < _SHORTEST_WORD or all(map(_is_of_nobody, parts)):
            return
        if keyword in _OF_PATIENT:
            self.numbered_patients.add(value)
        elif any(one.isdigit() for one in value):
            self.numbered.add(value)
        self.phrases.add(whole)
        self.raw.add(value.strip())
        for part in parts:
            has_digit = any(one.isdigit() for one in part)
            long_enough = len(part) >= (_SHORTEST_NUMBER if has_digit else _SHORTEST_WORD)
            if long_enough and not _is_of_nobody(part):
                self.words.add(part)
                # `Goettingen` is also written Gottingen, which is a word of medicine, too.
                self.words |= spellings(part) if part.isalpha() else set()

    def _add_dates(self, element: DataElement) -> None:
        action = action_for(element.tag, self._profile)
        days = {day for value in _values(element) if (day := _day(value))}
        # A date in a report's content may be the birth date: it shows nothing of the others.
        is_content = element.keyword in ("Date", "DateTime")
        if action != "K":
            self.dates |= days
        elif not is_content:
            self._kept_dates |= days
        if action == "C" and not is_content:
            self._moved_dates |= days
        elif row_of(element.tag) is not None and action not in ("K", "C"):
            self.birth_dates |= days

    def _add_uids(self, element: DataElement) -> None:
        if action_for(element.tag, self._profile) in ("U", "X", "D", "Z"):
            for value in _values(element):
                if value.count(".") >= 3 and not value.startswith("1.2.840.10008."):
                    self.uids.add(value)


def _day(value: str) -> str:
    """Of a DA or DT value; empty for what no calendar has, such as 00000000."""
    match = _DAY.match(value)
    try:
        return datetime.strptime(match.group(), "%Y%m%d").strftime("%Y%m%d") if match else ""
    except ValueError:
        return ""


def _is_of_nobody(part: str) -> bool:
    return part in NOBODY or part in _OF_THIS_NODE or is_known_word(part)


def _is_about_persons(keyword: str) -> bool:
    return bool(_PERSONS.search(keyword)) and not _THINGS.search(keyword)


def _readable(dataset: Dataset) -> Iterator[DataElement]:
    for tag in sorted(dataset.keys()):
        try:
            yield dataset[tag]
        except UNREADABLE:
            # The de-identifier removes what it cannot read.
            continue


def _values(element: DataElement) -> list[str]:
    value = element.value
    if value is None:
        return []
    several = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return [str(one).strip(" \0") for one in several if str(one).strip(" \0")]
