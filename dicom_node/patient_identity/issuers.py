"""Who issued an ID: a name in DICOM and HL7 v2, an OID beside it, the URI of a system in FHIR."""

from collections.abc import Mapping
from dataclasses import dataclass

from storage.patient_identity.entities import PatientKey
from storage.settings import Settings

_OID = "urn:oid:"


@dataclass(frozen=True)
class Issuers:
    """`systems`: URIs by issuer, as MEDIVIEW_FHIR_ORDER_PATIENT_SYSTEMS names them."""

    systems: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> "Issuers":
        named = dict(settings.fhir_order_patient_systems)
        # IDs without an issuer are the site's.
        site = settings.patient_id_issuer
        return cls({issuer or site: system for system, issuer in named.items()})

    def system_of(self, issuer: str) -> str:
        """Empty: it is not known."""
        return self.systems.get(issuer, "")

    def oid_of(self, issuer: str) -> str:
        system = self.system_of(issuer)
        return system.removeprefix(_OID) if system.startswith(_OID) else ""

    def of_system(self, system: str) -> str | None:
        """None: no setting names it."""
        return next((one for one, uri in self.systems.items() if uri == system), None)

    def named(self, key: PatientKey) -> PatientKey:
        """The key by the name of its issuer, where a message has the OID alone."""
        name = self.of_system(_OID + key.issuer_of_patient_id)
        return key if name is None else PatientKey(key.patient_id, name)
