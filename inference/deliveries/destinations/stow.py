"""A DICOMweb archive: STOW-RS (PS3.18 10.5), asked by QIDO-RS or WADO-RS what it holds."""

import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import httpx

from dicom_node.archives.archive import Archive
from dicom_node.archives.dicomweb import DicomwebArchive
from dicom_node.archives.http_archive import ONE_PATIENT, HttpArchive
from dicom_node.network.multipart import NotMultipart, read_parts
from dicom_node.network.throttle import PIECE_BYTES, Throttle
from dicom_node.peers import PeerDidNotAnswer, PeerFailed, PeerLacksService
from inference.deliveries.destinations.http_client import HttpClient
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import Outcome, SentInstances, TestResult
from inference.deliveries.destinations.stow_responses import named_instances, store_response
from inference.deliveries.destinations.testing import TEST_S
from storage.commitment.entities import CommitmentRequest
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError
from storage.http.client import flowing
from storage.http.header_names import TOKEN_HEADERS, is_token_header
from storage.http.url_policy import check_url
from storage.peers.entities import KnownPeer
from storage.settings import Settings, is_loopback

_DICOM_JSON = "application/dicom+json"
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
# The service itself is missing there, as opposed to failing just now.
_NO_SERVICE = frozenset({400, 404, 405, 406, 501})
_STORED = frozenset({200, 202, 409})
# Failure reasons of an archive that takes nothing just now (PS3.18 Table I.2-1).
_NOT_AUTHORIZED, _OUT_OF_RESOURCES = frozenset({0x0124}), 0xA7


class StowDestination:
    query = "QIDO-RS"

    def __init__(self, storage: SentInstances, peer: KnownPeer) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        _check(peer, storage.settings)
        self._storage = storage
        self._peer = peer
        self._client = HttpClient(peer, peer.url.rstrip("/"), storage.settings)

    def __str__(self) -> str:
        return self._client.base

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        outcomes = {}
        for instance in instances:
            try:
                # Otherwise one that cannot be read would break off all the others.
                self._storage.instances.open(instance).close()
            except MediViewError as error:
                outcomes[instance.sop_instance_uid] = Outcome(
                    instance.sop_instance_uid, error.message
                )
        readable = [one for one in instances if one.sop_instance_uid not in outcomes]
        if readable:
            outcomes |= {one.sop_instance_uid: one for one in self._store(readable)}
        return [outcomes[one.sop_instance_uid] for one in instances]

    def _store(self, instances: Sequence[Instance]) -> list[Outcome]:
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": _DICOM_JSON,
        }
        try:
            status, body = self._ask("POST", "/studies", headers, self._body(instances, boundary))
            if status not in _STORED:
                error = f"{self} answered HTTP {status} to the instances."
                return [Outcome(one.sop_instance_uid, error) for one in instances]
            stored, failed = store_response(body)
        except PeerFailed as error:
            return [
                Outcome(one.sop_instance_uid, error.message, reached=False) for one in instances
            ]
        return [self._outcome(one.sop_instance_uid, stored, failed) for one in instances]

    def _outcome(self, uid: str, stored: set[str], failed: dict[str, int | None]) -> Outcome:
        if uid in failed:
            reason = failed[uid]
            failure = "" if reason is None else f" (failure reason {reason:#06x})"
            return Outcome(
                uid, f"{self} refused the instance{failure}.", is_refused=_is_of_instance(reason)
            )
        if uid not in stored:
            return Outcome(uid, f"{self} did not say what became of the instance.")
        return Outcome(uid)

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        raise PeerLacksService(f"{self} has no storage commitment by DIMSE.")

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        first = instances[0]
        series = f"/studies/{first.study_instance_uid}/series/{first.series_instance_uid}"
        wanted = {one.sop_instance_uid for one in instances}
        try:
            listed = self._listing(f"{series}/instances?limit=1000") & wanted
            # A server may answer fewer than asked for.
            for uid in sorted(wanted - listed) if listed else ():
                listed |= self._listing(f"{series}/instances?SOPInstanceUID={uid}") & wanted
            return listed
        except PeerLacksService:
            return self._listing(f"{series}/metadata") & wanted

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        """By WADO-RS (PS3.18 10.4)."""
        path = (
            f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
            f"/instances/{instance.sop_instance_uid}"
        )
        with self._asked("GET", path, {"Accept": _WHOLE}) as answer:
            if answer.status_code != 200:
                raise PeerFailed(f"{self} answered HTTP {answer.status_code} to the instance.")
            try:
                read_parts(
                    answer.headers.get("content-type", ""),
                    flowing(answer),
                    begin=lambda: None,
                    write=write,
                    finish=lambda: None,
                )
            except NotMultipart as error:
                raise PeerFailed(f"{self} answered {error} as an instance.") from error

    def test(self) -> TestResult:
        self._client.ends_at = time.monotonic() + TEST_S
        try:
            self._listing("/studies?limit=1")
        except PeerLacksService:
            return self._test_without_query()
        except PeerFailed as error:
            return TestResult(False, error.message)
        return TestResult(True, f"{self} answers QIDO-RS.")

    def _test_without_query(self) -> TestResult:
        try:
            status, _ = self._ask("OPTIONS", "/studies", {})
        except PeerFailed as error:
            return TestResult(False, error.message)
        if status < 300:
            return TestResult(True, f"{self} answers, and has no QIDO-RS to say what it holds.")
        return TestResult(False, f"{self} answered HTTP {status}; is the path right?")

    def _listing(self, path: str) -> set[str]:
        """SOP Instance UIDs that a query or metadata names. Raises as `listed`."""
        status, body = self._ask("GET", path, {"Accept": _DICOM_JSON})
        if status in _NO_SERVICE:
            raise PeerLacksService(f"{self} answered HTTP {status} when asked what it holds.")
        if status == 204:
            return set()
        if status != 200:
            raise PeerDidNotAnswer(
                f"{self} answered HTTP {status} when asked what it holds."
                if status not in (401, 403)
                else f"{self} answered HTTP {status}: the token is missing or not accepted."
            )
        return named_instances(body)

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: Iterator[bytes] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body. Raises PeerFailed, without what was sent."""
        with self._asked(method, path, headers, content) as answer:
            return answer.status_code, self._client.body_of(answer, _MAX_ANSWER_BYTES)

    def _asked(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: Iterator[bytes] | None = None,
    ) -> AbstractContextManager[httpx.Response]:
        """As `HttpClient.asked`, signed in."""
        if self._peer.token:
            headers = {**headers, self._peer.token_header: self._peer.token}
        return self._client.asked(method, f"{self._client.base}{path}", headers, content)

    def _body(self, instances: Sequence[Instance], boundary: str) -> Iterator[bytes]:
        throttle = None
        if self._peer.sending_bytes_per_s:
            throttle = Throttle(self._peer.sending_bytes_per_s)
        for instance in instances:
            yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            with self._storage.instances.open(instance) as file:
                while piece := file.read(PIECE_BYTES):
                    if throttle is not None:
                        throttle.wait_for(len(piece))
                    yield piece
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()


_TOKEN = re.compile(r"[\x20-\x7e]{0,4000}")


def _check(peer: KnownPeer, settings: Settings) -> None:
    """Let a STOW-RS destination reach the hosts that the operator allows, and no other.

    A person who may change peers must not be able to make the node ask arbitrary
    addresses of its network. Raises InvalidRequest.
    """
    if "?" in peer.url:
        require(False, "url", "http:// or https://, a host and a path, without a query")
    url = check_url(peer.url, settings.stow_hosts, "MEDIVIEW_STOW_HOSTS", "STOW-RS destinations")
    require(is_token_header(peer.token_header), "token_header", TOKEN_HEADERS)
    require(_TOKEN.fullmatch(peer.token), "token", "printable ASCII of at most 4000 characters")
    if peer.token and url.scheme == "http" and not is_loopback(url.host):
        raise InvalidRequest(
            "The token would travel unencrypted, for everyone on the way to read.",
            remedy="Use an https:// address.",
        )


def _read_address(text: str) -> PeerAddress | None:
    return {"url": text} if text.startswith(("http://", "https://")) else None


def _open_archive(peer: KnownPeer, settings: Settings) -> Archive:
    trust = ssl.create_default_context()
    if settings.tls_ca is not None:
        trust.load_verify_locations(settings.tls_ca)
    return DicomwebArchive(
        HttpArchive(peer.url, peer.token, trust, header=peer.token_header, limits=ONE_PATIENT)
    )


KIND = DestinationKind(
    name="stow",
    title="STOW-RS",
    address="https://host/path",
    service="`POST …/studies`",
    proof="QIDO-RS, else metadata by WADO-RS",
    fields=(
        FormField("url", "Address (up to, but without /studies)", max_length=1000),
        FormField("token", "Token", input="secret", max_length=4000),
        FormField("ae_title", "AE title", max_length=16),
    ),
    open=StowDestination,
    check=_check,
    read_address=_read_address,
    show_address=lambda peer: peer.url,
    open_archive=_open_archive,
)


def _is_of_instance(reason: int | None) -> bool:
    """Whether a failure reason (PS3.18 I.2.2) is about the instance, not about the archive."""
    return reason is None or (reason not in _NOT_AUTHORIZED and reason >> 8 != _OUT_OF_RESOURCES)
