"""How accounts are called, and the people whose they are."""

import re

from storage.core.errors import InvalidRequest

# A family name, and up to four more parts.
_PERSON_NAME = re.compile(r"(?=.{3,64}$)[^\\=^\x00-\x1f]+(?:\^[^\\=^\x00-\x1f]*){1,4}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,79}")


def checked_name(name: str) -> str:
    """The name as it is kept, in lower case. Raises InvalidRequest."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "The name is not valid.",
            remedy="Use up to 80 of a-z, 0-9 and . _ @ -, beginning with a letter or digit.",
        )
    return name


def checked_person_name(person_name: str) -> str:
    """A person name of PS3.5 6.2.1, in one group; empty takes it away. Raises InvalidRequest."""
    person_name = " ".join(person_name.split())
    if person_name and not _PERSON_NAME.fullmatch(person_name):
        raise InvalidRequest(
            "The name is not written as DICOM writes a person's.",
            remedy="Write Family^Given, or Family^Given^Middle^Prefix^Suffix, in 64 signs.",
        )
    return person_name
