"""Whose the resources are: the patient of a study, as a FHIR server has him."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations.fhir_answers import found_resources, has_more
from inference.deliveries.destinations.fhir_client import FhirClient
from inference.fhir.subject import patient_system
from inference.fhir.transaction import plain_token
from storage.core.entities import Study
from storage.core.errors import InvalidRequest
from storage.core.text.dicom_values import is_born_on_another_day
from storage.core.text.outside_text import text_from_outside

_ANY_ISSUER = ""
_ISSUER_AT_MOST = 64
# Of a page of a search: of one identifier there are hardly two.
_AT_MOST = "20"
# hl7.org/fhir/R4/datatypes.html#id
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


def systems_of(text: str) -> dict[str, str]:
    """Identifier systems by issuer of patient IDs; the plain one, of the site, by ''."""
    found = {}
    for part in text.split(","):
        if part.strip():
            issuer, separator, system = part.strip().rpartition("=")
            found[issuer.strip() if separator else _ANY_ISSUER] = system.strip()
    return found


def system_of(study: Study, systems: Mapping[str, str], site_issuer: str, server: str) -> str:
    """The identifier system of the study's patient ID.

    The same ID of another issuer is another patient (PS3.3 C.7.1.1), so the plain system counts for
    IDs without an issuer and for those of `site_issuer`. Raises InvalidRequest where nothing
    says whose the results are.
    """
    if not study.patient_id.strip():
        raise InvalidRequest(
            "The study has no patient ID, by which the server could know whose it is.",
            remedy="Correct the patient of the study, and retry the delivery.",
        )
    stated_issuer = study.issuer_of_patient_id.strip()
    if not systems:
        return patient_system(stated_issuer)
    issuer = stated_issuer or site_issuer
    if issuer in systems:
        return systems[issuer]
    if issuer in (_ANY_ISSUER, site_issuer) and _ANY_ISSUER in systems:
        return systems[_ANY_ISSUER]
    if not issuer:
        raise InvalidRequest(
            f"The study's patient ID has no issuer, and no system of {server} is for such IDs.",
            remedy="Add the URI of their system to fhir_patient_systems (--fhir-patient-system),"
            " and retry the delivery.",
        )
    named = text_from_outside(issuer, _ISSUER_AT_MOST)
    raise InvalidRequest(
        f"The study's patient ID is of the issuer {named}, whose system at {server} is not set.",
        remedy=f"Add {named}=URI to fhir_patient_systems (--fhir-patient-system), and retry the"
        " delivery.",
    )


@dataclass(frozen=True)
class FoundPatients:
    """`ids`: the server's own, of those who are in use and may be the study's patient.

    `others` are inactive or replaced; `strangers` are in use, and born on another day.
    """

    ids: tuple[str, ...]
    others: int = 0
    strangers: int = 0
    has_more: bool = False

    @property
    def only(self) -> str | None:
        """The one who is meant; None where that is not certain."""
        is_certain = len(self.ids) == 1 and not (self.strangers or self.has_more)
        return self.ids[0] if is_certain else None

    @property
    def is_nobody(self) -> bool:
        return not (self.ids or self.others or self.strangers or self.has_more)

    def why_not(self, server: str, system: str) -> str:
        """Why none of them is taken, and what helps."""
        if self.strangers:
            is_alone = self.strangers == 1 and not (self.ids or self.has_more)
            return (
                f"{server} has somebody born on another day under the study's identifier, whose"
                f" system is {system}{'' if is_alone else ', one of several patients'}. Have birth"
                " date or identifier corrected there, or the patient of the study here; the"
                " delivery is tried again."
            )
        if self.ids or self.has_more:
            return (
                f"{server} has several patients of one identifier of {system}. Have them merged"
                " there; the delivery is tried again."
            )
        if self.others:
            return (
                f"{server} has the patient of the study's identifier, whose system is {system}, as"
                " inactive or replaced. Have the identifier given to the patient in use there, or"
                " correct the patient of the study here; the delivery is tried again."
            )
        return (
            f"{server} knows no patient of the study's identifier, whose system is {system}. Name"
            " the system that it uses (fhir_patient_systems), register the patient there, or let"
            " the node create patients (fhir_patients create); the delivery is tried again."
        )


def find_patients(client: FhirClient, system: str, study: Study) -> FoundPatients:
    """Who has exactly the study's identifier, whatever else the server finds.

    One identifier can be two people's, whom the birth date tells apart, as it does everywhere in
    the node. Raises PeerFailed.
    """
    answer = client.search(
        "Patient", {"identifier": plain_token(system, study.patient_id), "_count": _AT_MOST}
    )
    ids, others, strangers = [], 0, 0
    for one in found_resources(answer, client.base):
        if one.get("resourceType") != "Patient" or not bears(one, system, study.patient_id):
            continue
        if not _is_in_use(one):
            others += 1
            continue
        own_id = one.get("id")
        if not isinstance(own_id, str) or not _ID.fullmatch(own_id):
            raise PeerFailed(f"{client.base} answered a Patient without an id to a search.")
        if is_born_on_another_day(study.patient_birth_date, one.get("birthDate")):
            strangers += 1
        else:
            ids.append(own_id)
    return FoundPatients(tuple(ids), others, strangers, has_more(answer))


def bears(resource: Mapping[str, Any], system: str, value: str) -> bool:
    """Whether it has the identifier."""
    identifiers = resource.get("identifier")
    return isinstance(identifiers, list) and any(
        isinstance(one, dict) and (one.get("system"), one.get("value")) == (system, value)
        for one in identifiers
    )


def _is_in_use(patient: Mapping[str, Any]) -> bool:
    """Neither inactive nor replaced by another (hl7.org/fhir/R4/patient.html#links)."""
    links = patient.get("link", [])
    return (
        patient.get("active", True) is True
        and isinstance(links, list)
        and all(isinstance(one, dict) and one.get("type") != "replaced-by" for one in links)
    )
