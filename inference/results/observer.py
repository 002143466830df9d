"""An author as the observer of a report (PS3.16 TID 1002)."""

import highdicom as hd
from highdicom.sr.templates import Template
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.results.author import Author
from storage.core.text.long_string import long_string
from storage.core.uids import derive_uid

# highdicom warns of a name of one component, which is all that an account has.
PLACEHOLDER = "Account^Name"
_IDENTIFYING = frozenset(
    {codes.DCM.TrackingIdentifier.value, codes.DCM.TrackingUniqueIdentifier.value}
)


def person_name(author: Author) -> str:
    """The name of the account as one component of a PN (PS3.5 6.2.1)."""
    return author.name.translate(str.maketrans("\\=^", "   ")).strip()[:64]


def name_verifier(document: Dataset, author: Author) -> None:
    """Put the person's name where the encoder was given a placeholder."""
    for observer in document.get("VerifyingObserverSequence") or ():
        observer.VerifyingObserverName = person_name(author)


def observation_context(author: Author) -> hd.sr.ObservationContext:
    """A person under the name of the account, or the program that the key belongs to."""
    return hd.sr.ObservationContext(
        observer_person_context=person_context(author),
        observer_device_context=device_context(author),
    )


def name_observer(group: Template, author: Author) -> None:
    """Of one measurement group: what stands in it overrides the document's observer (PS3.3
    A.35.3.3; the templates of groups, TID 1411 and 1501, are extensible)."""
    contexts = (person_context(author), device_context(author))
    items = [item for context in contexts if context is not None for item in context]
    content = group[0].ContentSequence
    # After what identifies it, which comes first.
    place = sum(1 for item in content if item.ConceptNameCodeSequence[0].CodeValue in _IDENTIFYING)
    for at, item in enumerate(items, start=place):
        content.insert(at, item)


def person_context(author: Author) -> hd.sr.ObserverContext | None:
    """None where the author is a program."""
    if not author.is_person:
        return None
    attributes = hd.sr.PersonObserverIdentifyingAttributes(name=PLACEHOLDER)
    attributes[0].PersonName = person_name(author)
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Person, observer_identifying_attributes=attributes
    )


def device_context(author: Author) -> hd.sr.ObserverContext | None:
    """The program, under a UID that its identity gives; None where the author is a person."""
    if author.is_person:
        return None
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=derive_uid("device", "key", author.id or author.name), name=long_string(author.name)
        ),
    )
