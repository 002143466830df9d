"""Transactions that write resources into another server (hl7.org/fhir/R4/http.html#transaction).

Each resource is found by an identifier of the node, so that a transaction whose answer was lost
can be sent again: it updates what it created, and doubles nothing.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from inference.fhir.r5 import FhirVersion, Json, as_version
from inference.fhir.resources import Patient, Resource
from inference.fhir.types import Coding

_NAMESPACE = uuid.UUID("5f0d2a56-6f0c-4a53-8e0e-0d7f3c1f6b11")
# What software asserted, and who may use it (terminology.hl7.org, v3-ObservationValue).
_ASSERTED_BY_AI = Coding(
    system="http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    code="AIAST",
    display="Artificial Intelligence asserted",
)
_RESEARCH_ONLY = Coding(
    system="urn:mediview:marking", code="research-use-only", display="For research use only"
)


@dataclass
class Transaction:
    """One Bundle. `subject` is how it names the patient (`Reference` as JSON).

    Resources refer to each other as they do in the node (`Device/ID`); in the Bundle such a
    reference is the full URL of the entry, and of what is in none the identifier alone.
    """

    version: FhirVersion
    subject: Json
    _entries: list[Json] = field(default_factory=list)
    _urls: dict[str, str] = field(default_factory=dict)

    def put(self, resource: Resource, system: str, value: str) -> None:
        """Write it as it is now: update the one of that identifier, or create it."""
        request = {
            "method": "PUT",
            "url": f"{resource.resource_type}?identifier={token(system, value)}",
        }
        self._add(resource, request, system, value, is_marked=True)

    def put_json(self, resource: Json, system: str, value: str) -> None:
        """The same for a resource that R4 does not know."""
        kind = resource["resourceType"]
        url = f"{kind}?identifier={token(system, value)}"
        self._entries.append(
            {
                "fullUrl": self._full_url(kind, str(resource.pop("id")), system, value),
                "resource": resource,
                "request": {"method": "PUT", "url": url},
            }
        )

    def create(self, resource: Resource, system: str, value: str) -> None:
        """Create it unless there is one of that identifier, which stays as it is."""
        request = {
            "method": "POST",
            "url": resource.resource_type,
            "ifNoneExist": f"identifier={token(system, value)}",
        }
        self._add(resource, request, system, value)

    def create_patient(self, patient: Patient, system: str, value: str) -> None:
        """The patient, unless the server knows one of that identifier; the subject of all."""
        self.create(patient, system, value)
        self.subject = {"reference": self._urls["Patient/patient"], "type": "Patient"}

    def to_json(self) -> Json:
        """The Bundle."""
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {**entry, "resource": self._resolved(entry["resource"])} for entry in self._entries
            ],
        }

    def _add(
        self, resource: Resource, request: Json, system: str, value: str, *, is_marked: bool = False
    ) -> None:
        content = as_version(resource.to_json(), self.version)
        # Of the other server: its own ids and versions.
        resource_id = content.pop("id")
        content.pop("meta", None)
        if is_marked and resource.resource_type in ("DiagnosticReport", "Observation"):
            content["meta"] = {
                "security": [_ASSERTED_BY_AI.to_json()],
                "tag": [_RESEARCH_ONLY.to_json()],
            }
        kept = [one for one in content.pop("contained", ()) if one["resourceType"] != "Patient"]
        if kept:
            content["contained"] = kept
        self._entries.append(
            {
                "fullUrl": self._full_url(resource.resource_type, resource_id, system, value),
                "resource": content,
                "request": request,
            }
        )

    def _full_url(self, kind: str, resource_id: str, system: str, value: str) -> str:
        url = f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{kind} {system} {value}')}"
        self._urls[f"{kind}/{resource_id}"] = url
        return url

    def _resolved(self, value: Any) -> Any:
        """With references as the Bundle has them."""
        if isinstance(value, list):
            return [one for one in map(self._resolved, value) if one != {}]
        if not isinstance(value, Mapping):
            return value
        if value.get("reference") == "#patient":
            return self.subject
        reference = value.get("reference")
        if isinstance(reference, str) and not reference.startswith("#"):
            known = self._urls.get(reference, reference if reference.startswith("urn:") else "")
            rest = {name: one for name, one in value.items() if name != "reference"}
            if known:
                # Who has the resource needs no identifier of it.
                rest.pop("identifier", None)
                return {"reference": known, **rest}
            return rest if "identifier" in rest else {}
        return {name: self._resolved(one) for name, one in value.items()}


def token(system: str, value: str) -> str:
    """`system|value` as the query of an address has it."""
    return quote(plain_token(system, value), safe=":/.-_")


def plain_token(system: str, value: str) -> str:
    """`system|value` as a search has it (hl7.org/fhir/R4/search.html#token).

    What separates values is escaped (search.html#escaping): a server would take the patient ID
    `77,Q-4711` for two, and find who has the second.
    """
    return f"{_escaped(system)}|{_escaped(value)}"


def _escaped(text: str) -> str:
    for one in "\\,$|":
        text = text.replace(one, f"\\{one}")
    return text
