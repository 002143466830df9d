"""Accession numbers as identifiers of FHIR."""

from typing import Any

from storage.core.accession_issuers import AccessionIssuer, issuer_of_system


def issuer_of_identifier(identifier: dict[str, Any]) -> AccessionIssuer:
    assigner = identifier.get("assigner")
    named = assigner.get("display") if isinstance(assigner, dict) else None
    return issuer_of_system(str(identifier.get("system") or ""), str(named or ""))


def is_accession(identifier: dict[str, Any]) -> bool:
    kind = identifier.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return isinstance(codings, list) and any(
        isinstance(one, dict) and one.get("code") == "ACSN" for one in codings
    )
