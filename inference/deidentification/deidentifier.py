"""Take from an instance what identifies somebody (PS3.15 E.1.1), level by level.

Beyond the table: persons' names and dates that it does not name go too, descriptions that it does
not name are cleaned, and attributes that this release does not know, curves and overlays are
removed, since nobody can tell what they say.
"""

import re
import warnings
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import BaseTag, Tag

from inference.deidentification.code_strings import cleaned_code_string
from inference.deidentification.codes import (
    has_form_of_scheme,
    is_known_unit,
    meaning_of,
    names_nobody,
)
from inference.deidentification.dummies import (
    REMOVED,
    blank_pdf,
    dummy,
    removed_content,
    replaced_uids,
)
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.harmless import HARMLESS_TEXTS, TYPED_TEXTS
from inference.deidentification.leaks.evidence import TEXT_VRS, Evidence
from inference.deidentification.leaks.names import words_of
from inference.deidentification.profile import CODES, Option, Profile
from inference.deidentification.profile_table import Action, action_for
from inference.deidentification.pseudonyms import Pseudonyms, shifted
from inference.deidentification.safe_private import (
    StatedSafe,
    private_action,
    safe_private_tags,
    stated_as_safe,
)
from inference.deidentification.well_formed import is_well_formed
from inference.deidentification.words import cleaned
from inference.language.documents.reading import is_pdf
from storage.core.text.text_folding import folded
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.dicom.value_errors import UNREADABLE

_PIXELS = 0x7FE0
# Observers and subject of a report: names, identifiers, birth date, sex, age.
_WHO = frozenset(
    (
        "121008 121009 121010 121012 121013 121016 121017 121022 121028 121029 121030 121031"
        " 121032 121033 121036 128774"
        # Birth date as LOINC and SNOMED CT have it
        " 21112-8 184099003"
    ).split()
)
_CURVES_AND_OVERLAYS = frozenset({0x5000, 0x6000})
_OF_A_CODE = frozenset({"CodeMeaning", "CodeValue", "LongCodeValue", "URNCodeValue"})
# Their words are looked for in no other attribute. The scan refuses a name there.
_MAKERS = frozenset({"Manufacturer", "ManufacturerModelName"})
_ABOUT_A_CODE = frozenset(
    "CodingSchemeVersion ContextIdentifier MappingResource TemplateIdentifier".split()
)
_RESOURCES = frozenset({"DCMR", "SDM"})
"""PS3.16 Table 5-1."""
# Commands, the file meta information, and the directory of a medium: none is of an image.
_FIRST_GROUP = 0x0008
_OLDEST_STATED_AGE = 89
_DAY_DIGITS = 8
_CONTENT = Tag("ContentSequence")
_GRAPHICS = Tag("GraphicAnnotationSequence")
_ANNOTATIONS = Tag("WaveformAnnotationSequence")
_DOCUMENT = Tag("EncapsulatedDocument")
_LONG_TEXTS = frozenset({"LT", "ST", "UC", "UT"})
_SHORT_TEXTS = frozenset({"AE", "LO", "SH", "UC", "UR"})
_OF_OPTION = {
    "PatientBodyMassIndex": Option.RETAIN_PATIENT_CHARACTERISTICS,
    "DeviceID": Option.RETAIN_DEVICE,
    "RadiationMachineName": Option.RETAIN_DEVICE,
}
_OF_PIXELS = (Option.CLEAN_PIXEL_DATA, Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES)
_DESCRIPTION = re.compile(r"(?:Comments?|Description|History|Label|Notes?|Remarks?|Text|Title)$")


class Deidentifier:
    """For the instances of one patient."""

    def __init__(
        self,
        profile: Profile,
        pseudonyms: Pseudonyms,
        patient_key: str,
        evidence: Evidence,
        software: str,
    ) -> None:
        """`software`: name and version, for De-identification Method."""
        self._profile = profile
        self._pseudonyms = pseudonyms
        self.pseudonym = pseudonyms.patient(patient_key)
        self._shift: timedelta = pseudonyms.shift(patient_key)
        self._evidence = evidence
        self._software = software
        self._stated_safe: StatedSafe = frozenset()

    @property
    def shift(self) -> timedelta | None:
        """By how much dates are moved, where they are."""
        return self._shift if Option.RETAIN_MODIFIED_DATES in self._profile else None

    def apply(self, dataset: FileDataset, *, cleaned_pixels: Collection[Option] = ()) -> None:
        """Change the data set in place. Raises CannotDeidentify.

        `cleaned_pixels`: the options by which its pixels were changed, which it then states.
        """
        with warnings.catch_warnings():
            # Odd values in received data are the sender's.
            warnings.simplefilter("ignore")
            self._stated_safe = stated_as_safe(dataset)
            self._level(dataset)
            dataset.PatientID = dataset.PatientName = self.pseudonym
            self._state(dataset, cleaned_pixels)

    def _level(self, dataset: Dataset) -> None:
        kept_private = (
            safe_private_tags(dataset, self._stated_safe)
            if Option.RETAIN_SAFE_PRIVATE in self._profile
            else set()
        )
        for tag in list(dataset.keys()):
            if (tag.is_private and tag not in kept_private) or not _is_known(tag):
                del dataset[tag]
            elif tag.group != _PIXELS:
                self._element(dataset, tag)

    def _element(self, dataset: Dataset, tag: BaseTag) -> None:
        action = action_for(tag, self._profile)
        if action == "X":
            del dataset[tag]
            return
        try:
            element = dataset[tag]
        except UNREADABLE:
            del dataset[tag]
            return
        if tag.is_private_creator:
            return
        if tag.is_private:
            action = private_action(element, self._profile)
        action = action or self._unlisted(element)
        if action == "K" and element.keyword in _ABOUT_A_CODE and not _is_short(element):
            action = "X"
        if _is_local_text(dataset, element):
            action = "C"
        self._apply(dataset, element, action)
        if element.keyword == "CodeMeaning" and element.tag in dataset:
            dataset.CodeMeaning = self._meaning(dataset, str(element.value or ""))

    def _apply(self, dataset: Dataset, element: DataElement, action: Action) -> None:
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.value = [] if element.VR == "SQ" else None
        elif action == "D" or self._is_birth_date(element):
            self._replace(dataset, element)
        elif action == "C":
            self._clean(dataset, element)
        elif action == "U" and element.VR == "UI":
            element.value = replaced_uids(element, self._pseudonyms.uid)
        elif element.VR == "SQ":
            self._items(element)
        elif not is_well_formed(element):
            del dataset[element.tag]
        elif element.keyword == "PatientAge":
            element.value = _stated_age(element.value)
        elif element.VR == "CS" and element.keyword not in _ABOUT_A_CODE:
            words = self._evidence.words
            element.value = _each(
                element.value, lambda one: cleaned_code_string(one, element.keyword, words)
            )
        elif element.keyword in HARMLESS_TEXTS - _OF_A_CODE - _MAKERS:
            element.value = _each(element.value, lambda one: self._of_nobody(one, element.keyword))

    def _of_nobody(self, value: str, keyword: str) -> str:
        """A text about how an image was made, without a name of this study's persons."""
        is_named = any(word in self._evidence.words for word in words_of(value))
        if is_named or (keyword in TYPED_TEXTS and not names_nobody(value)):
            return REMOVED
        return value

    def _is_birth_date(self, element: DataElement) -> bool:
        """Wherever it is written, such as in a report's content."""
        births = self._evidence.birth_dates
        return element.VR in ("DA", "DT") and any(
            one[:_DAY_DIGITS] in births for one in _strings(element.value)
        )

    def _unlisted(self, element: DataElement) -> Action:
        """For what the table does not name: what nobody can tell the meaning of is emptied."""
        holds = self._profile.__contains__
        if element.VR in ("DA", "DT"):
            if holds(Option.RETAIN_FULL_DATES):
                return "K"
            return "C" if holds(Option.RETAIN_MODIFIED_DATES) else "Z"
        if element.keyword in _OF_OPTION:
            return "K" if holds(_OF_OPTION[element.keyword]) else "Z"
        if element.VR in _LONG_TEXTS - _SHORT_TEXTS or _DESCRIPTION.search(element.keyword):
            return "C"
        is_open = element.VR in _SHORT_TEXTS and element.keyword not in HARMLESS_TEXTS
        return "Z" if is_open or element.VR in ("PN", "UN") else "K"

    def _items(self, element: DataElement) -> None:
        if element.tag == _CONTENT:
            element.value = [one for one in element.value or () if not _says_who(one)]
        for item in element.value or ():
            self._level(item)

    def _replace(self, dataset: Dataset, element: DataElement) -> None:
        if element.tag == _CONTENT:
            dataset.ContentSequence = [removed_content()]
        elif element.tag in (_GRAPHICS, _ANNOTATIONS):
            # A presentation or a waveform without annotations is valid.
            del dataset[element.tag]
        elif element.tag == _DOCUMENT:
            if not is_pdf(bytes(element.value or b"")):
                raise CannotDeidentify(
                    "It is a document of a kind that cannot be read, and so not be checked.",
                    remedy="Leave this instance out.",
                )
            element.value = blank_pdf()
            dataset.EncapsulatedDocumentLength = len(element.value)
        else:
            element.value = dummy(element, self._pseudonyms.uid)

    def _clean(self, dataset: Dataset, element: DataElement) -> None:
        if element.VR == "TM" and is_well_formed(element):
            # Dates move by whole days.
            return
        if element.VR in ("DA", "DT"):
            element.value = _each(element.value, lambda one: shifted(one, self._shift))
        elif element.tag == _GRAPHICS:
            self._clean_graphics(dataset, element)
        elif element.VR == "SQ":
            self._items(element)
        elif element.VR in TEXT_VRS:
            words = self._evidence.words
            element.value = _each(element.value, lambda one: cleaned(one, words) or REMOVED)
        else:
            element.value = None

    def _meaning(self, dataset: Dataset, stated: str) -> str:
        """What is stated, where its words are of medicine, else what the standard has."""
        value = str(dataset.get("CodeValue") or dataset.get("LongCodeValue") or "").strip(" \0")
        own = meaning_of(value, _scheme(dataset))
        if own and folded(own) == folded(stated.strip(" \0")):
            return stated
        if _scheme(dataset) == "UCUM" and is_known_unit(stated):
            return stated
        left = cleaned(stated, self._evidence.words)
        return stated if left == stated.strip(" \0") else own or left or REMOVED

    def _clean_graphics(self, dataset: Dataset, element: DataElement) -> None:
        """Shapes stay, and texts go."""
        shapes = []
        for item in element.value or ():
            for keyword in ("TextObjectSequence", "CompoundGraphicSequence"):
                if keyword in item:
                    delattr(item, keyword)
            if item.get("GraphicObjectSequence"):
                self._level(item)
                shapes.append(item)
        if shapes:
            element.value = shapes
        else:
            del dataset[element.tag]

    def _state(self, dataset: Dataset, cleaned_pixels: Collection[Option]) -> None:
        """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = f"{self._software}, PS3.15 E"
        not_done = {CODES[one] for one in _OF_PIXELS if one not in cleaned_pixels}
        dataset.DeidentificationMethodCodeSequence = [
            _code(*code) for code in self._profile.codes if code not in not_done
        ]
        dataset.LongitudinalTemporalInformationModified = self._profile.temporal_information


def _says_who(item: Dataset) -> bool:
    """Whether a content item names the patient or the observer (PS3.16 TID 1003 to 1007)."""
    return any(
        str(one.get("CodeValue", "")) in _WHO for one in item.get("ConceptNameCodeSequence") or ()
    )


def _is_local_text(dataset: Dataset, element: DataElement) -> bool:
    """Whether a code is free text: one that a site made itself (PS3.3 8.2) is with its meaning,
    and so is what has not the form of its scheme."""
    if element.keyword not in _OF_A_CODE:
        return False
    scheme = _scheme(dataset)
    is_local = not scheme or scheme.startswith(("99", "L-")) or scheme == "L"
    if element.keyword == "CodeMeaning":
        return is_local
    value = str(element.value or "").strip(" \0")
    return not (names_nobody(value) if is_local else has_form_of_scheme(value, scheme))


def _scheme(dataset: Dataset) -> str:
    return str(dataset.get("CodingSchemeDesignator") or "").strip(" \0")


def _is_short(element: DataElement) -> bool:
    """Whether a version or a table is named by numbers and a few letters."""
    return all(one in _RESOURCES or names_nobody(one) for one in _strings(element.value))


def _is_known(tag: BaseTag) -> bool:
    if tag.group & 0xFF00 in _CURVES_AND_OVERLAYS or tag.element == 0:
        return False
    if tag.group < _FIRST_GROUP:
        return False
    return tag.is_private or dictionary_has_tag(tag) or tag.group == _PIXELS


def _stated_age(value: Any) -> Any:
    """Very old people are few (45 CFR 164.514(b)(2)(i)(C))."""
    text = str(value or "").strip(" \0")
    if text.endswith("Y") and text[:-1].isdigit():
        # More digits than a number of years can have, or of other scripts, are no younger.
        years = read_whole_number(text[:-1])
        return "090Y" if years is None or years > _OLDEST_STATED_AGE else value
    return value


def _each(value: Any, change: Any) -> Any:
    if value is None:
        return None
    if hasattr(value, "append"):
        return [change(one) for one in _strings(value)]
    return change(str(value))


def _strings(value: Any) -> list[str]:
    several = value if hasattr(value, "append") else [value]
    return ["" if one is None else str(one) for one in several]


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
