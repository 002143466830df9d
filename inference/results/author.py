"""Who draws or says something."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Author:
    """`is_person`: somebody with an account, not the key of a program.

    `may_verify`: a radiologist, whose word makes a report VERIFIED. `id`: the identity behind
    the name (`storage.core.callers.identity`), which tells authors of one name apart.
    """

    name: str
    is_person: bool
    may_verify: bool = False
    id: str = ""
