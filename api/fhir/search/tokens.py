"""Token parameters (hl7.org/fhir/R4/search.html#token): codes and identifiers with their system."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from api.fhir.search.parameters import refused, shown
from storage.db.conditions import Condition, always, any_of, never


@dataclass(frozen=True)
class Token:
    """`code`, `system|code`, `|code` or `system|`.

    `system` is None where none was stated and empty where the resource must state none; `code`
    is empty where any of the system will do.
    """

    system: str | None
    code: str

    def is_of(self, *systems: str) -> bool:
        """Whether a value of one of these systems may fit; the empty one is that without."""
        return self.system is None or self.system in systems


@dataclass(frozen=True)
class Coded:
    """The values of one system among those that a parameter searches."""

    system: str
    with_code: Callable[[str], Condition]
    any_code: Condition


def read_token(name: str, text: str) -> Token:
    """Raises 400 where neither a system nor a code is stated."""
    system, bar, code = text.rpartition("|")
    if not system and not code:
        raise refused(f"'{name}' has neither a system nor a code.", "Write [system]|[code].")
    return Token(system if bar else None, code)


def by_token(*coded: Coded) -> Callable[[str, str], Condition]:
    """Whatever fits in one of the systems."""

    def condition(name: str, text: str) -> Condition:
        token = read_token(name, text)
        return any_of(
            *(
                one.with_code(token.code) if token.code else one.any_code
                for one in coded
                if token.is_of(one.system)
            )
        )

    return condition


def by_fixed(system: str, code: str) -> Callable[[str, str], Condition]:
    """A coding that every resource has."""
    return by_token(Coded(system, lambda asked: always() if asked == code else never(), always()))


def by_code(
    system: str, codes: Collection[str], with_code: Callable[[str], Condition]
) -> Callable[[str, str], Condition]:
    """An element of type `code`: its system is that of its value set, and the resource states none.

    Raises 400 for a code that is not in the value set.
    """

    def condition(name: str, text: str) -> Condition:
        token = read_token(name, text)
        if not token.is_of(system, ""):
            return never()
        if not token.code:
            return always()
        if token.code not in codes:
            raise refused(f"'{name}' is not '{shown(token.code)}'.", f"Use {', '.join(codes)}.")
        return with_code(token.code)

    return condition
