"""PIXm (ITI-83: $ihe-pix) and PDQm (ITI-78: search for Patient) by FHIR R4 over HTTP.

Both are asked by POST: what names a patient stands in no address, which logs of servers keep.
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import httpx

from dicom_node.patient_identity.entities import MOST_IDS, MOST_PATIENTS, FoundPatient, Traits
from dicom_node.patient_identity.issuers import Issuers
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.text.dates import date_of
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.http.client import checked_client, failure_words, flowing
from storage.http.url_policy import read_url
from storage.patient_identity.entities import PatientKey

_JSON = "application/fhir+json"
_FORM = "application/x-www-form-urlencoded"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_WHOLE_ANSWER_S = 60.0
_MAX_ANSWER_BYTES = 2 * 1024 * 1024
_MAX_ELEMENTS = 100_000
_MOST_CHARACTERS = 64
_SEX = {"male": "M", "female": "F", "other": "O"}
_GENDER = {sex: gender for gender, sex in _SEX.items()}
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\^=]")


class FhirSystem:
    """`authorization`: the value of that header, or nothing."""

    def __init__(
        self,
        base: str,
        issuers: Issuers,
        authorization: str = "",
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._base = base.rstrip("/")
        self._issuers = issuers
        self._headers = {"Authorization": authorization} if authorization else {}
        self._verify = verify

    def ids_of(self, key: PatientKey) -> tuple[PatientKey, ...]:
        token = f"{self._system(key.issuer_of_patient_id)}|{key.patient_id}"
        body = {
            "resourceType": "Parameters",
            "parameter": [{"name": "sourceIdentifier", "valueString": token}],
        }
        answer = self._ask("/Patient/$ihe-pix", json.dumps(body).encode(), _JSON)
        found = [key]
        for one in _listed(answer, "parameter") if answer is not None else ():
            if one.get("name") == "targetIdentifier":
                found += self._keys([one.get("valueIdentifier")])
        return tuple(islice(dict.fromkeys(found), MOST_IDS))

    def find(self, traits: Traits) -> list[FoundPatient]:
        birth_date = date_of(traits.patient_birth_date)
        asked = {
            "family": traits.family_name,
            "given": traits.given_name,
            "birthdate": birth_date.isoformat() if birth_date else "",
            "gender": _GENDER.get(traits.patient_sex, ""),
        }
        if traits.patient_id:
            system = self._system(traits.issuer_of_patient_id)
            asked["identifier"] = f"{system}|{traits.patient_id}"
        form = {name: value for name, value in asked.items() if value}
        body = urlencode({**form, "_count": str(MOST_PATIENTS)}).encode()
        answer = self._ask("/Patient/_search", body, _FORM)
        entries = _listed(answer, "entry") if answer is not None else ()
        resources = (one.get("resource") for one in entries)
        patients = (
            one
            for one in resources
            if isinstance(one, dict) and one.get("resourceType") == "Patient"
        )
        return [self._patient(one) for one in islice(patients, MOST_PATIENTS)]

    def _patient(self, resource: Mapping[str, Any]) -> FoundPatient:
        birth_date = str(resource.get("birthDate", "")).replace("-", "")
        names = sorted(_listed(resource, "name"), key=lambda one: one.get("use") != "official")
        return FoundPatient(
            tuple(islice(self._keys(resource.get("identifier")), MOST_IDS)),
            _person_name(names[0]) if names else "",
            birth_date if date_of(birth_date) and len(birth_date) == 8 else "",
            _SEX.get(str(resource.get("gender")), ""),
        )

    def _keys(self, identifiers: object) -> Iterator[PatientKey]:
        for one in identifiers if isinstance(identifiers, list) else ():
            if not isinstance(one, dict):
                continue
            system, value = one.get("system"), one.get("value")
            issuer = self._issuers.of_system(system) if isinstance(system, str) else None
            if issuer and isinstance(value, str) and _fits(value.strip()):
                yield PatientKey(value.strip(), issuer)

    def _system(self, issuer: str) -> str:
        system = self._issuers.system_of(issuer)
        if not system:
            raise PeerFailed(
                "No FHIR system is known for the issuer of the patient ID.",
                remedy="Name it in MEDIVIEW_FHIR_ORDER_PATIENT_SYSTEMS as ISSUER=URI.",
            )
        return system

    def _ask(self, path: str, body: bytes, content_type: str) -> Mapping[str, Any] | None:
        """None: it does not know the ID (ITI-83, 404). Raises PeerFailed."""
        headers = {**self._headers, "Accept": _JSON, "Content-Type": content_type}
        try:
            read_url(self._base)
            with (
                checked_client(verify=self._verify, timeout=_TIMEOUT) as client,
                client.stream("POST", self._base + path, content=body, headers=headers) as answer,
            ):
                if answer.status_code == 404:
                    return None
                if answer.status_code != 200:
                    raise PeerFailed(
                        f"{self._base} answered HTTP {answer.status_code}.",
                        remedy="Check the address and MEDIVIEW_PATIENT_IDENTITY_AUTHORIZATION.",
                    )
                found = bytearray()
                for piece in flowing(answer, _WHOLE_ANSWER_S):
                    found += piece
                    if len(found) > _MAX_ANSWER_BYTES:
                        raise PeerFailed(
                            f"{self._base} answered more than {_MAX_ANSWER_BYTES} bytes."
                        )
            content = load_bounded_json(found, _MAX_ELEMENTS, strict=True)
        except InvalidRequest as error:
            raise PeerFailed(error.message, remedy=error.remedy) from error
        except LimitExceeded as error:
            raise PeerFailed(f"{self._base} answered too much: {error.message}") from error
        except ValueError as error:
            raise PeerFailed(f"{self._base} answered something that is not JSON.") from error
        except (httpx.HTTPError, OSError) as error:
            raise PeerFailed(
                f"{self._base} cannot be reached: {failure_words(error)}.",
                remedy="Check the address, its certificate and the network.",
            ) from error
        if not isinstance(content, dict):
            raise PeerFailed(f"{self._base} answered no FHIR resource.")
        return content


def _listed(resource: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = resource.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _person_name(name: Mapping[str, Any]) -> str:
    """PN of a HumanName: its given names after the first are the middle name (PS3.5 6.2.1)."""

    def texts(part: str) -> list[str]:
        found = name.get(part)
        values = found if isinstance(found, list) else [found]
        return [one.strip() for one in values if isinstance(one, str) and _fits(one.strip())]

    given = texts("given")
    parts = (texts("family"), given[:1], given[1:], texts("prefix"), texts("suffix"))
    joined = "^".join(" ".join(one) for one in parts).rstrip("^")
    return joined if len(joined) <= _MOST_CHARACTERS else joined[:_MOST_CHARACTERS].rstrip("^")


def _fits(value: str) -> bool:
    """Whether DICOM can hold it as a component of a name, or as an ID."""
    return 0 < len(value) <= _MOST_CHARACTERS and _UNFIT.search(value) is None
