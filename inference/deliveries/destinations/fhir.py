"""A FHIR server (R4, R5): results and reports as resources, a transaction each."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from dicom_node.peers import PeerDidNotAnswer, PeerFailed, PeerLacksService
from inference.deliveries.destinations.fhir_answers import found_resources, outcome_of
from inference.deliveries.destinations.fhir_capability import lacking
from inference.deliveries.destinations.fhir_client import FhirClient
from inference.deliveries.destinations.fhir_patients import (
    bears,
    find_patients,
    system_of,
    systems_of,
)
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import Outcome, TestResult
from inference.deliveries.destinations.testing import TEST_S
from inference.failures import explain
from inference.fhir.document_resources import Proof, proof_of, write_document
from inference.fhir.documents import Document, DocumentStorage, documents_of, is_withdrawal
from inference.fhir.r5 import FHIR_VERSIONS, FhirVersion
from inference.fhir.subject import patient_of
from inference.fhir.transaction import Transaction, token
from storage.commitment.entities import CommitmentRequest
from storage.core.entities import Instance, Study
from storage.core.errors import InvalidRequest, MediViewError
from storage.http.header_names import TOKEN_HEADERS, is_token_header
from storage.http.url_policy import check_url
from storage.peers.entities import KnownPeer
from storage.settings import Settings, is_loopback

_SCHEME = "fhir+"
_NO_SEARCH = frozenset({400, 404, 405, 406, 501})


class FhirDestination:
    query = "search"

    def __init__(self, storage: DocumentStorage, peer: KnownPeer) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        _check(peer, storage.settings)
        self._storage = storage
        self._peer = peer
        self._client = FhirClient(peer, _base(peer), storage.settings)
        self._version: FhirVersion = "R5" if peer.fhir_version == "R5" else "R4"
        self._systems = systems_of(peer.fhir_patient_systems)

    def __str__(self) -> str:
        return self._client.base

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        """Each document once, however many of its objects are among the instances."""
        done: dict[Document, Outcome] = {}
        return [self._send(one, done) for one in instances]

    def _send(self, instance: Instance, done: dict[Document, Outcome]) -> Outcome:
        uid = instance.sop_instance_uid
        try:
            for document in documents_of(self._storage, instance, self._peer.name):
                if is_withdrawal(instance) and not self._is_there(document):
                    continue
                if document not in done:
                    done[document] = self._write(uid, document)
                known = done[document]
                if not known.ok:
                    return Outcome(
                        uid, known.error, known.reached, known.is_final, known.again_after_s
                    )
            return Outcome(uid)
        except PeerFailed as error:
            return Outcome(uid, _sentence(error), reached=False)
        except InvalidRequest as error:
            return Outcome(uid, _sentence(error), is_final=True)
        except MediViewError as error:
            return Outcome(uid, explain(error).sentence)

    def _write(self, uid: str, document: Document) -> Outcome:
        """Raises PeerFailed where the server does not answer."""
        study = self._storage.index.study(document.study_instance_uid)
        transaction = Transaction(self._version, {})
        issuer = self._storage.settings.patient_id_issuer
        system = system_of(study, self._systems, issuer, str(self))
        if self._peer.fhir_patients == "identifier":
            transaction.subject = {
                "type": "Patient",
                "identifier": {"system": system, "value": study.patient_id},
            }
        else:
            # Before one is created as well: the server would take one that is inactive.
            found = find_patients(self._client, system, study)
            if found.only is not None:
                transaction.subject = {"reference": f"Patient/{found.only}", "type": "Patient"}
            elif found.is_nobody and self._peer.fhir_patients == "create":
                transaction.create_patient(_patient_of(study, system), system, study.patient_id)
            else:
                return Outcome(uid, found.why_not(str(self), system))
        write_document(self._storage, document, transaction)
        bundle = transaction.to_json()
        answer = self._client.transact(bundle)
        return outcome_of(uid, str(self), answer, study, len(bundle["entry"]))

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        raise PeerLacksService(f"{self} has no storage commitment.")

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        proved: dict[Document, bool] = {}
        found = set()
        for one in instances:
            for document in documents_of(self._storage, one, self._peer.name):
                if document not in proved:
                    proved[document] = self._shows(proof_of(self._storage, document)) or (
                        is_withdrawal(one) and not self._is_there(document)
                    )
                if not proved[document]:
                    break
            else:
                found.add(one.sop_instance_uid)
        return found

    def _is_there(self, document: Document) -> bool:
        """In any state. What the server never had is not brought there to be withdrawn."""
        proof = proof_of(self._storage, document)
        try:
            return self._shows(replace(proof, status="", also=None))
        except PeerLacksService:
            return True

    def _shows(self, proof: Proof) -> bool:
        path = f"/{proof.resource_type}?identifier={token(proof.system, proof.value)}"
        answer = self._client.get(path)
        if answer.status in _NO_SEARCH:
            raise PeerLacksService(f"{self} answered HTTP {answer.status} when asked what it has.")
        if answer.status != 200:
            raise PeerDidNotAnswer(f"{self} answered HTTP {answer.status} when asked what it has.")
        return any(_proves(one, proof) for one in found_resources(answer, str(self)))

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        raise PeerLacksService(f"{self} holds resources, and gives no instances back.")

    def test(self) -> TestResult:
        self._client.ends_at = time.monotonic() + TEST_S
        try:
            answer = self._client.get("/metadata")
            if answer.status != 200:
                return TestResult(
                    False, f"{self} answered HTTP {answer.status} to /metadata; is the path right?"
                )
            missing = lacking(answer.content, self._version, self._peer.fhir_patients)
            if missing:
                return TestResult(False, f"{self} lacks {', '.join(missing)}.")
            # Most servers state what they can to everybody.
            signed_in = self._client.get(
                f"/DiagnosticReport?identifier={token('urn:mediview:result', 'none')}"
            )
        except PeerFailed as error:
            return TestResult(False, error.message)
        if signed_in.status != 200:
            return TestResult(
                False, f"{self} answered HTTP {signed_in.status} to a search; is the sign-in right?"
            )
        return TestResult(True, f"{self} takes transactions of FHIR {self._version}.")


def _proves(resource: Mapping[str, Any], proof: Proof) -> bool:
    if proof.status and resource.get("status") != proof.status:
        return False
    return bears(resource, *(proof.also or (proof.system, proof.value)))


def _patient_of(study: Study, system: str) -> Any:
    """With the identifier as the server knows it."""
    patient = patient_of(study)
    identifiers = [one.model_copy(update={"system": system}) for one in patient.identifier or ()]
    return patient.model_copy(update={"identifier": identifiers})


def _sentence(error: MediViewError) -> str:
    return f"{error.message} {error.remedy}".strip()


_SECRET = re.compile(r"[\x20-\x7e]{0,4000}")
_USER = re.compile(r"[\x21-\x39\x3b-\x7e]{0,200}")
_SCOPE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,500}")
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,300}")
_SIGN_INS = ("header", "none", "basic", "bearer", "oauth2")
_PATIENTS = ("match", "create", "identifier")
_NEEDS_USER = frozenset({"basic", "oauth2"})


def _base(peer: KnownPeer) -> str:
    return peer.url.removeprefix(_SCHEME).rstrip("/")


def _check(peer: KnownPeer, settings: Settings) -> None:
    """Let it reach the hosts that the operator allows, and no other. Raises InvalidRequest."""
    require(peer.url.startswith(_SCHEME) and "?" not in peer.url, "url", KIND.address)
    hosts = (settings.fhir_hosts, "MEDIVIEW_FHIR_HOSTS", "FHIR servers")
    require(peer.fhir_version in FHIR_VERSIONS, "fhir_version", "R4 or R5")
    require(peer.fhir_patients in _PATIENTS, "fhir_patients", ", ".join(_PATIENTS))
    require(
        all(_SYSTEM.fullmatch(one) for one in systems_of(peer.fhir_patient_systems).values())
        and len(peer.fhir_patient_systems) <= 1000,
        "fhir_patient_systems",
        "a URI, or ISSUER=URI for each issuer, separated by commas",
    )
    require(peer.sign_in in _SIGN_INS, "sign_in", ", ".join(_SIGN_INS))
    require(is_token_header(peer.token_header), "token_header", TOKEN_HEADERS)
    require(_SECRET.fullmatch(peer.token), "token", "printable ASCII of at most 4000 characters")
    require(
        _USER.fullmatch(peer.user_name) and (peer.user_name or peer.sign_in not in _NEEDS_USER),
        "user_name",
        "the user of basic, the client of oauth2, without a colon",
    )
    require(_SCOPE.fullmatch(peer.token_scope), "token_scope", "scopes, with blanks between")
    addresses = [check_url(_base(peer), *hosts)]
    if peer.sign_in == "oauth2":
        addresses.append(check_url(peer.token_url, *hosts))
    else:
        require(not peer.token_url, "token_url", "empty, unless sign_in is oauth2")
    if any(one.scheme == "http" and not is_loopback(one.host) for one in addresses):
        raise InvalidRequest(
            "Results would travel unencrypted, for everyone on the way to read.",
            remedy="Use an fhir+https:// address.",
        )
    require(not urlsplit(_base(peer)).query, "url", KIND.address)


def _read_address(text: str) -> PeerAddress | None:
    return {"url": text} if text.startswith((f"{_SCHEME}http://", f"{_SCHEME}https://")) else None


KIND = DestinationKind(
    name="fhir",
    title="FHIR server",
    address="fhir+https://host/base",
    service="a transaction for each result and report",
    proof="a search by identifier",
    fields=(
        FormField("url", "Address (fhir+https://host/base)", max_length=1000),
        FormField("fhir_version", "FHIR version", choices=FHIR_VERSIONS),
        FormField("fhir_patients", "Patients", choices=_PATIENTS),
        FormField("fhir_patient_systems", "Identifier systems of patients", max_length=1000),
        FormField("sign_in", "Sign-in", choices=_SIGN_INS),
        FormField("user_name", "User, or client of oauth2", max_length=200),
        FormField("token", "Password, token or client secret", "secret", 4000),
        FormField("token_url", "Token endpoint of oauth2", max_length=1000),
        FormField("token_scope", "Scope of oauth2", max_length=500),
    ),
    open=FhirDestination,
    check=_check,
    read_address=_read_address,
    show_address=lambda peer: peer.url,
    object_kinds=frozenset({"SR"}),
    one_sender=True,
    takes_drawings=False,
)
