"""The systems that the settings name, by the scheme of their addresses."""

import ssl
from urllib.parse import urlsplit

from dicom_node.network.tls import ClientTls
from dicom_node.patient_identity.entities import CrossReferenceManager, DemographicsSupplier
from dicom_node.patient_identity.fhir_queries import FhirSystem
from dicom_node.patient_identity.hl7_queries import Hl7System
from dicom_node.patient_identity.issuers import Issuers
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest
from storage.settings import Settings


def cross_reference_manager(settings: Settings) -> CrossReferenceManager:
    """Raises InvalidRequest where none is set, PeerFailed where its certificates cannot be read."""
    if not settings.pix_url:
        raise InvalidRequest(
            "No system is named that knows which IDs are of one patient.",
            remedy="Set MEDIVIEW_PIX_URL.",
        )
    return _system(settings, settings.pix_url, settings.pix_application)


def demographics_supplier(settings: Settings) -> DemographicsSupplier:
    """As above."""
    if not settings.pdq_url:
        raise InvalidRequest(
            "No system is named in which patients are looked up.", remedy="Set MEDIVIEW_PDQ_URL."
        )
    return _system(settings, settings.pdq_url, settings.pdq_application)


def _system(settings: Settings, address: str, application: str) -> Hl7System | FhirSystem:
    url = urlsplit(address)
    issuers = Issuers.of(settings)
    if url.scheme in ("http", "https"):
        has_own_ca = url.scheme == "https" and (settings.hl7_ca or settings.tls_ca)
        return FhirSystem(
            address,
            issuers,
            settings.patient_identity_authorization.get_secret_value(),
            _tls(settings) if has_own_ca else True,
        )
    return Hl7System(
        (url.hostname or "", url.port or 0),
        _tls(settings) if url.scheme == "mllps" else None,
        settings.hl7_timeout_s,
        (settings.hl7_application, settings.hl7_facility),
        application,
        issuers,
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        return ClientTls(
            "full", settings.hl7_ca or settings.tls_ca, settings.tls_certificate, settings.tls_key
        ).context()
    except OSError as error:
        raise PeerFailed("The certificates for TLS cannot be read.") from error
