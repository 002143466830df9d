"""Reference parameters (hl7.org/fhir/R4/search.html#reference): to what this server holds."""

import re
from collections.abc import Callable, Sequence

from api.fhir.search.parameters import refused
from storage.db.conditions import Condition, never

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


def relative(value: str, bases: Sequence[str]) -> str:
    """A URL below one of this server's own without that base; anything else as it is.

    Whether it was reached by http or by https makes no difference.
    """
    for base in bases:
        own = f"{_SCHEME.sub('', base).rstrip('/')}/"
        rest = _SCHEME.sub("", value)
        if rest != value and rest.startswith(own):
            return rest.removeprefix(own)
    return value


def read_reference(name: str, value: str, kind: str, id_is: str) -> str | None:
    """The id from `<kind>/<id>` or from the id alone; None for what another server holds.

    Takes what `relative` made of it. Raises 400 for a resource of another kind; `id_is` says in
    its remedy what the id is.
    """
    if _ABSOLUTE.match(value):
        return None
    stated, slash, resource_id = value.partition("/")
    if not slash:
        return stated
    if stated != kind:
        article = "an" if kind[0] in "AEIOU" else "a"
        raise refused(f"'{name}' takes {article} {kind}.", f"Write {kind}/<{id_is}>.")
    return resource_id


def by_reference(
    kind: str, id_is: str, with_id: Callable[[str], Condition]
) -> Callable[[str, str], Condition]:
    """A reference to resources of one kind; what another server holds fits nothing here."""

    def condition(name: str, value: str) -> Condition:
        resource_id = read_reference(name, value, kind, id_is)
        return never() if resource_id is None else with_id(resource_id)

    return condition
