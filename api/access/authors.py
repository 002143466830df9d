"""Who draws, says or verifies something, as the author of a DICOM object."""

from api.access.principal import Principal
from api.errors import ApiProblem
from inference.results.author import Author


def author_of(principal: Principal) -> Author:
    """The person who has signed in, or the program that brings a key or an access token.

    A radiologist who has signed in may verify. A program is no person, and without sign-in
    nobody knows who it is.
    """
    return Author(
        name=principal.name,
        is_person=principal.is_person or principal.kind == "local",
        may_verify=principal.is_person and principal.has_any({"radiologist"}),
        id=principal.identity.id,
    )


def check_may_verify(author: Author) -> None:
    """403 for one whose word verifies nothing."""
    if not author.may_verify:
        raise ApiProblem(
            403,
            "may_not_verify",
            "Only a radiologist who has signed in may verify a report.",
            remedy="Save it unverified, or sign in with an account of the role radiologist.",
        )
