"""Which study a launch is about: the ImagingStudy that it names, else the patient's newest."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from api.access.openid_connect.provider import NotAccepted
from api.access.smart.server import SmartServer
from dicom_node.patient_identity.issuers import Issuers
from storage.core.errors import NotConfigured, NotFound
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.patient_identity.entities import PatientKey
from storage.patient_identity.repository import PatientChanges
from storage.settings import Settings

log = structlog.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_PATIENT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")
_STUDY = re.compile(r"ImagingStudy/([A-Za-z0-9.-]{1,64})")
_UID = re.compile(r"[0-9.]{1,64}")
_DICOM_UID = "urn:dicom:uid"
_MOST = 20


class LaunchContext:
    """What the token's answer names beside the token (SMART App Launch 2.2, Launch Context)."""

    def __init__(self, server: SmartServer, tokens: Mapping[str, Any]) -> None:
        self._server = server
        self._access_token = str(tokens.get("access_token") or "")
        patient = tokens.get("patient")
        is_id = isinstance(patient, str) and _ID.fullmatch(patient)
        self.patient = f"Patient/{patient}" if is_id else ""
        self.imaging_study = next(_studies_of(tokens.get("fhirContext")), "")

    def page(
        self,
        settings: Settings,
        index: Index,
        patient_studies: PatientStudies,
        changes: PatientChanges,
    ) -> str:
        """The page of the viewer to begin at: a study that may be seen, else the list of studies.

        A study of another patient than the launch's is not opened, nor one whose patient cannot be
        compared: the two systems do not mean the same. Nothing of it is logged but why.
        """
        try:
            if self.imaging_study:
                return self._page_of_study(settings, index, changes)
            keys = self._keys(settings, changes, self._identifiers(self.patient))
            newest = patient_studies.newest_of(keys)
        except (NotFound, NotAccepted, NotConfigured) as error:
            log.warning("launch_context_not_found", reason=type(error).__name__)
            return "/"
        return f"/study/?study={newest}" if newest else "/"

    def _page_of_study(self, settings: Settings, index: Index, changes: PatientChanges) -> str:
        uid, whose = self._study()
        study = index.study(uid) if uid else None
        if study is None:
            return "/"
        identifiers = self._identifiers(self.patient or whose)
        keys = self._keys(settings, changes, identifiers)
        stated = PatientKey(study.patient_id, study.issuer_of_patient_id)
        if keys:
            is_same = stated.of_issuer(settings.patient_id_issuer) in keys
        else:
            # None of an issuer that the node knows: then the number alone.
            is_same = study.patient_id in [value for _, value in identifiers]
        if not is_same:
            log.warning("launch_context_refused", reason="another patient")
            return "/"
        return f"/study/?study={uid}"

    def _study(self) -> tuple[str, str]:
        """Its UID, empty where none is stated, and a reference to its patient."""
        resource = self._server.read(self.imaging_study, self._access_token)
        subject = resource.get("subject")
        whose = str(subject.get("reference") or "") if isinstance(subject, dict) else ""
        whose = whose.removeprefix(f"{self._server.iss}/")
        if self.patient and whose and whose != self.patient:
            raise NotAccepted("the study is another patient's there")
        if not _PATIENT.fullmatch(whose):
            whose = ""
        for one in _listed(resource.get("identifier")):
            value = str(one.get("value") or "").removeprefix("urn:oid:")
            if one.get("system") == _DICOM_UID and _UID.fullmatch(value):
                return value, whose
        return "", whose

    def _identifiers(self, patient: str) -> list[tuple[str, str]]:
        """System and value of each that the other system states of the patient."""
        if not patient:
            return []
        resource = self._server.read(patient, self._access_token)
        return [
            (str(one.get("system") or ""), value.strip())
            for one in _listed(resource.get("identifier"))
            if isinstance(value := one.get("value"), str) and 0 < len(value.strip()) <= 64
        ]

    def _keys(
        self, settings: Settings, changes: PatientChanges, identifiers: list[tuple[str, str]]
    ) -> list[PatientKey]:
        """All IDs of the patient whose issuers the node knows."""
        issuers = Issuers.of(settings)
        found: dict[PatientKey, None] = {}
        for system, value in identifiers:
            issuer = issuers.of_system(system)
            if issuer is not None:
                key = PatientKey(value, issuer)
                found |= dict.fromkeys([key, *changes.linked_with(key)])
        # Images come without an issuer, too.
        site = settings.patient_id_issuer
        unnamed = [one._replace(issuer_of_patient_id="") for one in found]
        found |= {
            one: None
            for key, one in zip(list(found), unnamed, strict=True)
            if key.issuer_of_patient_id == site
        }
        return list(found)


def _studies_of(context: object) -> Iterator[str]:
    for one in _listed(context):
        reference = one.get("reference")
        if isinstance(reference, str) and _STUDY.fullmatch(reference):
            yield reference


def _listed(value: object) -> list[dict[str, Any]]:
    found = value[:_MOST] if isinstance(value, list) else []
    return [one for one in found if isinstance(one, dict)]
