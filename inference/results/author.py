"""Who draws or says something."""

from dataclasses import dataclass

from storage.core.job_result import JobResult, NotedObserver


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

    def is_same(self, other: "Author") -> bool:
        return (self.id, self.is_person) == (other.id, other.is_person) and (
            bool(self.id) or self.name == other.name
        )


Observers = tuple[Author | None, ...]
"""Of each segment who accepted or changed it; None: the model alone, or nobody knows."""


def noted_observers(observers: Observers) -> list[NotedObserver | None]:
    """As the result of a job keeps them."""
    return [
        None if one is None else {"name": one.name, "id": one.id, "is_person": one.is_person}
        for one in observers
    ]


def observers_of(result: JobResult, count: int) -> Observers:
    """Those that the result of a job notes. Earlier versions noted the last one alone."""
    edited = result.get("edited")
    noted = [] if edited is None else edited.get("observers", [])
    found: list[Author | None] = [
        None if one is None else Author(one["name"], one["is_person"], id=one["id"])
        for one in noted
    ]
    return (*found[:count], *(None for _ in range(count - len(found))))
