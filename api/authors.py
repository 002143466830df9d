"""Who draws, says or verifies something, as the author of a DICOM object."""

from api.access.principal import Principal
from api.errors import ApiProblem
from inference.reading.author import Author


def author_of(principal: Principal) -> Author:
    """The account, or the program that a key belongs to.

    A radiologist with an account may verify. A key is no person, and without sign-in nobody
    knows who it is.
    """
    has_account = principal.kind in ("account", "oidc")
    return Author(
        name=principal.name,
        is_person=principal.kind != "key",
        may_verify=has_account and principal.has_any({"radiologist"}),
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
