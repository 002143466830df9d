"""Who issued an accession number (PS3.3 10.14.1, HL7 v2 HD): its namesake of another is another.

A name within the enterprise, an identifier that is unique in the world, or both. The latter is a
URI as FHIR has it in `Identifier.system`, so that an OID is the same by whichever way it came.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

MOST_CHARACTERS = 255
"""Of a name or a URI; a longer one counts as not stated."""
SEQUENCE = "IssuerOfAccessionNumberSequence"
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_NAMED = "urn:mediview:accession-number:"
"""Begins the systems of issuers that have a name alone."""
_URNS = {"ISO": "urn:oid:", "UUID": "urn:uuid:"}


@dataclass(frozen=True)
class AccessionIssuer:
    namespace: str = ""
    """Local Namespace Entity ID; HL7's namespace ID."""
    system: str = ""
    """Universal Entity ID with its type, as a URI."""

    def __bool__(self) -> bool:
        return bool(self.namespace or self.system)

    def is_other_than(self, other: "AccessionIssuer") -> bool:
        """Two that cannot be compared, since one states nothing of its kind, may be one."""
        if self.system and other.system:
            return self.system != other.system
        return bool(self.namespace and other.namespace) and self.namespace != other.namespace

    def states_all_of(self, other: "AccessionIssuer") -> bool:
        """One that does not may be of more issuers than the other may be."""
        return bool((self.namespace or not other.namespace) and (self.system or not other.system))

    def distance(self, other: "AccessionIssuer") -> int:
        """Of several that this one may be, the nearest is meant: one that states the same, then
        the same system, then the same name."""
        if self == other:
            return 0
        if self.system and self.system == other.system:
            return 1
        return 2 if self.namespace and self.namespace == other.namespace else 3

    def with_what_is_known_of(self, other: "AccessionIssuer") -> "AccessionIssuer":
        """What this one does not state is taken from the other."""
        return AccessionIssuer(self.namespace or other.namespace, self.system or other.system)

    @property
    def universal(self) -> tuple[str, str]:
        """Universal Entity ID and its type (PS3.3 Table 10-17)."""
        for kind, urn in _URNS.items():
            if self.system.startswith(urn):
                return self.system.removeprefix(urn), kind
        if self.system.startswith("dns:"):
            return self.system.removeprefix("dns:"), "DNS"
        return self.system, "URI" if self.system else ""

    @property
    def fhir_system(self) -> str:
        """`Identifier.system`, "" for nobody."""
        if self.system or not self.namespace:
            return self.system
        return _NAMED + quote(self.namespace, safe="")

    def in_attributes(self) -> dict[str, Any]:
        """The sequence of DICOM, by keywords; nothing where nobody is stated."""
        universal_id, kind = self.universal
        item = {
            "LocalNamespaceEntityID": self.namespace,
            "UniversalEntityID": universal_id,
            "UniversalEntityIDType": kind,
        }
        return {SEQUENCE: [{key: value for key, value in item.items() if value}]} if self else {}


def issuer_of(
    namespace: str, universal_id: str = "", universal_id_type: str = ""
) -> AccessionIssuer:
    """From the parts of an HD (HL7 2.A.33), which DICOM has as three attributes."""
    return AccessionIssuer(_kept(namespace), _kept(_uri(universal_id.strip(), universal_id_type)))


def issuer_of_system(system: str, assigner: str = "") -> AccessionIssuer:
    """From the system of an identifier in FHIR, and the name of its assigner.

    With a system the name is only shown: who writes it there names organizations, not namespaces.
    """
    system = system.strip()
    lowered = system.lower()
    if lowered.startswith(_NAMED):
        return AccessionIssuer(_kept(unquote(system[len(_NAMED) :])))
    known = next((urn for urn in (*_URNS.values(), "dns:") if lowered.startswith(urn)), None)
    uri = _kept(lowered if known else system)
    return AccessionIssuer(system=uri) if uri else AccessionIssuer(_kept(assigner))


def issuer_in(attributes: Mapping[str, Any]) -> AccessionIssuer:
    """From the keywords and values of an order (`storage.worklist`)."""
    items = attributes.get(SEQUENCE)
    item = items[0] if isinstance(items, list) and items else {}
    return issuer_of(
        *(
            str(item.get(keyword) or "")
            for keyword in ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")
        )
    )


def _uri(universal_id: str, universal_id_type: str) -> str:
    kind = universal_id_type.strip().upper()
    if not universal_id:
        return ""
    if kind in _URNS or (not kind and _OID.fullmatch(universal_id)):
        return _URNS.get(kind, _URNS["ISO"]) + universal_id.lower()
    if kind in ("", "URI"):
        return issuer_of_system(universal_id).system
    return f"{kind.lower()}:{universal_id.lower() if kind == 'DNS' else universal_id}"


def _kept(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MOST_CHARACTERS and text.isprintable() else ""
