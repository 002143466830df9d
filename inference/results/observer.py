"""An author as the observer of a report (PS3.16 TID 1002)."""

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.results.author import Author
from storage.core.text.long_string import long_string
from storage.core.uids import derive_uid

# highdicom warns of a name of one component, which is all that an account has.
PLACEHOLDER = "Account^Name"


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
