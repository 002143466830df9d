"""Look through what is about to leave for what was taken out of it.

It reads the finished bytes as a stranger would and shares no step with the de-identifier: every
element at every depth, the file meta information, bytes without a character set, documents, and
the name of the file. It says where something was found and of what kind, never what.
"""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from inference.deidentification.leaks.byte_search import ByteSearch
from inference.deidentification.leaks.dates import DateFinder, DateInUidFinder
from inference.deidentification.leaks.evidence import TEXT_VRS, Evidence
from inference.deidentification.leaks.identifiers import LONGEST_STATED, IdentifierFinder
from inference.deidentification.leaks.names import NameFinder, words_of, written
from inference.deidentification.leaks.numbers import NUMBER_VRS, NumberFinder
from inference.deidentification.leaks.uids import UidFinder
from inference.deidentification.profile import Option, Profile
from inference.deidentification.standard_terms import is_standard_term
from inference.deidentification.words import is_known_word
from inference.language.documents.reading import is_pdf, read_text_of_pdf
from storage.core.text.text_folding import folded
from storage.dicom.value_errors import UNREADABLE

_CODED = frozenset({"CodeValue", "CodeMeaning", "LongCodeValue", "CodingSchemeName"})
_NUMBERS = frozenset({"DS", "IS"})
_BYTES = frozenset({"OB", "OW", "UN"})
# Of private elements, whatever a project retains.
_NEVER_SAFE = frozenset({"PN", *_BYTES, "OD", "OF", "OL", "OV"})
_SHORTEST_JOINED = 6
_FEW_NUMBERS = 3
# A shorter text stands in pixels by chance.
_SHORTEST_IN_BYTES = 5
# Of PS3.3 C.12.1.1.2, and those that senders use without stating them.
_ENCODINGS = (
    *("utf-8", "utf-16-le", "utf-16-be"),
    *(f"iso8859-{part}" for part in range(1, 10)),
    *("cp1251", "koi8-r", "tis-620", "shift_jis", "euc-kr", "gb18030", "big5"),
)
_DATE_IN_BYTES = re.compile(rb"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|(?<!\d)\d{8}(?!\d)")
_OF_THE_STANDARD = "1.2.840.10008."
_PIXELS = 0x7FE0
_READABLE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Leak:
    where: str
    """`(0008,1030) StudyDescription`, `the file's name`, …"""
    kind: str

    def __str__(self) -> str:
        return f"{self.where} contains {self.kind}"


class LeakScan:
    def __init__(
        self, evidence: Evidence, profile: Profile, shift: timedelta | None = None
    ) -> None:
        """`shift`: by how much dates are moved, where the profile modifies them."""
        self._evidence = evidence
        self._profile = profile
        self._dates = evidence.dates_to_find(shift)
        self._date_finder = DateFinder(self._dates, evidence.names.initials)
        self._name_finder = NameFinder(evidence.names)
        self._number_finder = NumberFinder(
            self._dates, evidence.birth_dates, evidence.raw | evidence.phrases
        )
        self._birth_finder = DateInUidFinder(evidence.birth_dates)
        self._uid_finder = UidFinder(evidence.uids)
        self._identifier_finder = IdentifierFinder(evidence.numbered, evidence.numbered_patients)
        self._raw = ByteSearch(_needles(evidence))
        self._phrases = [f" {phrase} " for phrase in evidence.phrases]
        # Of scripts without spaces between words.
        self._unspaced = [word for word in evidence.words if ord(word[0]) > 0x2E7F]
        # An identifier may be written without its punctuation.
        self._squeezed = {
            one
            for one in ("".join(words) for words in map(str.split, evidence.phrases))
            if len(one) >= _SHORTEST_JOINED and any(c.isdigit() for c in one)
        }

    def leaks(self, part10: bytes, name: str = "") -> list[Leak]:
        """What of the originals is found in a part-10 file and in its name."""
        found = list(self._in_text(name, "the file's name"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(part10))
            found += self._in_dataset(dataset.file_meta)
            found += self._in_dataset(dataset)
        found += self._in_bytes(part10, "the bytes of the file")
        return list(dict.fromkeys(found))

    def has_leak(self, text: str, *, is_coded: bool = False) -> bool:
        """Of a text that leaves beside the instances."""
        return any(self._in_text(text, "", is_coded=is_coded))

    def _in_dataset(self, dataset: Dataset) -> Iterator[Leak]:
        for tag in sorted(dataset.keys()):
            try:
                element = dataset[tag]
            except UNREADABLE:
                yield Leak(_place(tag), "a value that cannot be read")
                continue
            yield from self._in_element(element)
            if element.VR == "SQ":
                for item in element.value or ():
                    yield from self._in_dataset(item)

    def _in_element(self, element: DataElement) -> Iterator[Leak]:
        where = _place(element.tag)
        if element.tag.is_private and (
            Option.RETAIN_SAFE_PRIVATE not in self._profile or element.VR in _NEVER_SAFE
        ):
            yield Leak(where, "a private element")
        if element.VR in NUMBER_VRS:
            yield from self._in_numbers(element, where)
        if element.tag.group & 0xFF00 in (0x5000, 0x6000):
            yield Leak(where, "a curve or an overlay")
        if element.VR == "UI":
            yield from self._in_uids(element, where)
        elif element.VR in _BYTES:
            yield from self._in_binary(element, where)
        elif element.VR in ("DA", "DT"):
            yield from self._in_dates(element, where)
        elif element.VR in _NUMBERS:
            for value in _texts(element):
                if len(value) >= _SHORTEST_JOINED and value in self._evidence.words:
                    yield Leak(where, "an identifier")
        elif element.VR in TEXT_VRS or element.VR == "PN":
            yield from self._in_texts(element, where)

    def _in_texts(self, element: DataElement, where: str) -> Iterator[Leak]:
        is_coded = element.keyword in _CODED
        # A patient may be called Head.
        values = [
            one for one in _texts(element) if not (element.VR == "CS" and is_standard_term(one))
        ]
        for value in values:
            yield from self._in_text(value, where, is_coded=is_coded)
        if len(values) < 2:
            return
        # In pieces, each a value.
        together = " ".join(values)
        if self._name_finder.is_in(together):
            yield Leak(where, "a name")
        if self._identifier_finder.is_in(together):
            yield Leak(where, "an identifier")
        if self._date_finder.is_in(folded(together)):
            yield Leak(where, "a date of the original")

    def _in_numbers(self, element: DataElement, where: str) -> Iterator[Leak]:
        values = list(_texts(element))
        if element.tag.is_private:
            is_found = self._number_finder.is_in(values)
        elif element.VR == "TM":
            # Each second of a morning is somebody's birth date in six digits.
            is_found = False
        else:
            # What a table or a matrix measured is some day's or person's number by chance.
            is_found = len(values) <= _FEW_NUMBERS and self._number_finder.is_long_one_in(values)
        if is_found:
            yield Leak(where, "a date or an identifier of the original")

    def _in_dates(self, element: DataElement, where: str) -> Iterator[Leak]:
        for value in _texts(element):
            if value[:8] in self._dates:
                yield Leak(where, "a date of the original")

    def _in_uids(self, element: DataElement, where: str) -> Iterator[Leak]:
        """An option may let some leave as they are: nothing else is read from their digits."""
        for value in _texts(element):
            if value in self._evidence.uids:
                yield Leak(where, "a UID of the original")
            if value.startswith(_OF_THE_STANDARD):
                continue
            components = value.split(".")
            if self._identifier_finder.is_in_uid(components):
                yield Leak(where, "an identifier")
            stated = [one for one in components if len(one) <= LONGEST_STATED]
            if any(one[:8] in self._dates for one in stated) or self._birth_finder.is_in(stated):
                yield Leak(where, "a date of the original")

    def _in_binary(self, element: DataElement, where: str) -> Iterator[Leak]:
        data = element.value
        if not isinstance(data, bytes):
            return
        if element.tag.group == _PIXELS:
            yield from self._in_pixels(data, where)
        elif is_pdf(data):
            for line in read_text_of_pdf(data):
                yield from self._in_text(line, f"the document in {where}")
        elif len(data) <= _READABLE_BYTES:
            for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
                yield from self._in_text(data.decode(encoding, "replace"), where)

    def _in_text(self, text: str, where: str, *, is_coded: bool = False) -> Iterator[Leak]:
        words = words_of(text)
        for word in words:
            if word in self._evidence.words and not (is_coded and is_known_word(word)):
                yield Leak(where, "a name or an identifier")
                break
        flat = f" {' '.join(words)} "
        if any(phrase in flat for phrase in self._phrases):
            yield Leak(where, "an identifier")
        squeezed = "".join(words)
        if any(one in squeezed for one in self._squeezed) or self._identifier_finder.is_in(text):
            yield Leak(where, "an identifier")
        if self._name_finder.is_in(text) or any(one in squeezed for one in self._unspaced):
            yield Leak(where, "a name")
        if self._uid_finder.is_in(text):
            yield Leak(where, "a UID of the original")
        if self._date_finder.is_in(folded(text)):
            yield Leak(where, "a date of the original")

    def _in_pixels(self, data: bytes, where: str) -> Iterator[Leak]:
        for match in _DATE_IN_BYTES.finditer(data):
            text = match.group().decode()
            if len(text) >= _SHORTEST_JOINED and self._date_finder.is_in(text):
                yield Leak(where, "a date of the original")

    def _in_bytes(self, data: bytes, where: str) -> Iterator[Leak]:
        if self._raw.is_in(data) or self._uid_finder.is_in_bytes(data):
            yield Leak(where, "a value of the original")


def _needles(evidence: Evidence) -> set[bytes]:
    texts = set(written(evidence.raw))
    return {
        data
        for text in texts
        if not is_known_word(folded(text)) and not _is_in_maker(folded(text), evidence)
        for encoding in _ENCODINGS
        # Short numbers are also parts of new UIDs.
        if len(data := _encoded(text, encoding))
        >= (_SHORTEST_JOINED if text.isdigit() else _SHORTEST_IN_BYTES)
    }


def _is_in_maker(word: str, evidence: Evidence) -> bool:
    """Such as `philip`: it would be found in each instance of the maker's."""
    return any(word in maker and word != maker for maker in evidence.makers)


def _encoded(text: str, encoding: str) -> bytes:
    """Empty where the encoding lacks one of its characters."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return b""


def _texts(element: DataElement) -> Iterable[str]:
    value = element.value
    several = value if hasattr(value, "append") else [value]
    return [str(one).strip(" \0") for one in several if one is not None]


def _place(tag: BaseTag) -> str:
    keyword = pydicom.datadict.keyword_for_tag(tag)
    return f"({tag.group:04X},{tag.element:04X}) {keyword}".rstrip()
