"""What an event names, in whatever form: UIDs, ids, references, accession numbers, patients.

Others write identifiers as their systems have them: padded, under another system, as a reference
by URL, in `id` alone. Whatever could be a value that the node holds is looked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from storage.core.accession_issuers import AccessionIssuer
from storage.fhircast.accessions import is_accession, issuer_of_identifier
from storage.fhircast.messages import CastMessage, Json

MOST_VALUES = 4000
"""Of an event; one with more is for those who see everything."""
_UID = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+)+")
_MOST_CHARACTERS = 64
_SUBJECTS = ("subject", "patient")
_STUDY_REFERENCES = ("imagingstudy",)
_REFERENCES = ("reference", "url", "fullurl")


@dataclass(frozen=True)
class Person:
    ids: frozenset[str] = frozenset()
    birth_date: str = ""


@dataclass
class Named:
    """A resource of the context, or a reference to one. `key`: study, patient, report or another's.

    `people`: patients that it is, holds or refers to.
    """

    key: str
    uids: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    numbers: list[tuple[str, AccessionIssuer]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    @property
    def count(self) -> int:
        people = sum(len(one.ids) for one in self.people)
        return len(self.uids) + len(self.ids) + len(self.numbers) + people


def named_in(message: CastMessage) -> list[Named]:
    """Each entry of the context, each study that a report refers to, and what stands beside."""
    found: list[Named] = []
    event = message.event
    for entry in event["context"]:
        key = str(entry["key"]).strip().lower()
        named = Named(key)
        if key == "patient":
            _read_person({k: v for k, v in entry.items() if k != "key"}, named)
        else:
            _read({k: v for k, v in entry.items() if k != "key"}, named)
        found.append(named)
        for reference in _study_references(entry):
            found.append(Named("study"))
            _read(reference, found[-1])
    known = ("hub.topic", "hub.event", "context", "context.versionId", "context.priorVersionId")
    beside = Named("")
    _read({k: v for k, v in event.items() if k not in known}, beside)
    _read(
        {k: v for k, v in message.message.items() if k not in ("event", "id", "timestamp")}, beside
    )
    return [*found, beside] if beside.count else found


def _read(value: Any, named: Named, *, is_identifier: bool = False) -> None:
    if isinstance(value, list):
        for one in value:
            _read(one, named, is_identifier=is_identifier)
    elif isinstance(value, dict):
        if str(value.get("resourceType", "")).strip().lower() == "patient":
            _read_person(value, named)
            return
        number = _text(value.get("value"))
        if is_identifier and number and is_accession(value):
            named.numbers.append((number[:_MOST_CHARACTERS], issuer_of_identifier(value)))
        elif is_identifier:
            named.ids.update(_forms(number))
        for written, one in value.items():
            name = written.strip().lower()
            if name in _SUBJECTS:
                _read_person(one, named)
                continue
            _read(one, named, is_identifier="identifier" in name)
            if name == "id" or name in _REFERENCES:
                named.ids.update(_forms(_text(one)))
    elif isinstance(value, str):
        named.uids.update(uid for uid in _UID.findall(value) if len(uid) <= _MOST_CHARACTERS)


def _read_person(value: Any, named: Named) -> None:
    """A patient, or a reference to one: all ids in it are the person's."""
    person = Named("patient")
    for one in _without_type(value):
        _read(one, person)
    named.uids |= person.uids
    born = next((_text(one.get("birthDate")) for one in _dicts(value) if "birthDate" in one), "")
    ids = person.ids | {number for number, _ in person.numbers}
    named.people.append(Person(frozenset(ids), born))
    named.people.extend(person.people)


def _without_type(value: Any) -> Iterator[Any]:
    """The patient as a resource of no type, so that it is read through."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            resource = one.get("resource")
            if isinstance(resource, dict):
                yield {k: v for k, v in resource.items() if k != "resourceType"}
            yield {k: v for k, v in one.items() if k not in ("resource", "resourceType")}
        else:
            yield one


def _dicts(value: Any) -> Iterator[Json]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield one
            if isinstance(one.get("resource"), dict):
                yield one["resource"]


def _study_references(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _study_references(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name.strip().lower() in _STUDY_REFERENCES:
                yield from one if isinstance(one, list) else [one]
            else:
                yield from _study_references(one)


def _text(value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, str) else str(value) if is_number else ""


def _forms(text: str) -> Iterator[str]:
    """The value as it is, and what is left of a reference, a token, a URN, a CX of HL7 v2."""
    text = " ".join(unquote(text).replace("\0", " ").split())
    if text.startswith("#"):
        return
    bare = re.sub(r"[?#].*|/_history/.*", "", text).rstrip("/")
    forms = (
        text,
        text.partition("^")[0],
        *(bare.rpartition(sign)[2] for sign in "/:"),
        *(text.rpartition(sign)[2] for sign in "|="),
    )
    for one in forms:
        if one.strip():
            yield one.strip()[:_MOST_CHARACTERS]
