"""Bring reports to HL7 systems until each acknowledges them; give up in sight of people."""

import ssl
import uuid
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from dicom_node.association.peer_turns import PeerTurns, Turn
from dicom_node.hl7.framing import FramingError, exchange
from dicom_node.hl7.reading import Message, Refused, read_header
from dicom_node.network.tls import ClientTls, tls_words
from inference.failures import place
from inference.reports.export.report_storage import ReportStorage
from storage.audit import MINOR_FAILURE, NODE, SUCCESS, Audit, AuditEvent, Code
from storage.container.has import HasAudit, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.outbox.leases import LEASE_S, Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.reports.hl7_entities import Hl7Message
from storage.reports.hl7_sending import Hl7Sending
from storage.settings import Hl7Destination, Settings

log = structlog.get_logger(__name__)


class NotTaken(Exception):
    """The system did not accept; `for_good`: the same message will not be accepted later.

    `silent`: no answer came in all the time that it had.
    """

    def __init__(self, reason: str, *, for_good: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_good = for_good
        self.silent = silent


class Hl7Storage(ReportStorage, HasSettings, HasAudit, Protocol):
    """What of the storage layer reports are sent by HL7 with."""

    @property
    def hl7_sending(self) -> Hl7Sending: ...


def send_due(storage: Hl7Storage, owner: str, stopping: Callable[[], bool] = lambda: False) -> int:
    """Send what is due; how many messages were accepted.

    To each system one after the other, and to a few systems at once, so that one that answers
    slowly holds up no other. One that did not answer at all is asked for one message a round,
    however many wait for it.
    """
    due = storage.hl7_sending.due_destinations
    turns = PeerTurns("hl7-out", due, partial(_send_to, storage, owner), stopping)
    return turns.take(utcnow())


def _send_to(storage: Hl7Storage, owner: str, destination: str, turn: Turn) -> int:
    """What is due for one system, until its turn is over; how many it accepted."""
    accepted = 0
    silent: set[str] = set()
    while not turn.is_over and not silent:
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        message = storage.hl7_sending.claim_due(claimant, LEASE_S, utcnow(), destination)
        if message is None:
            break
        with Lease(partial(_renew, storage.hl7_sending, message, claimant), "hl7") as lease:
            accepted += _send(storage, message, claimant, lease, silent)
    return accepted


def _renew(sending: Hl7Sending, message: Hl7Message, claimant: str) -> bool:
    return sending.renew(message.message_id, claimant, LEASE_S, utcnow())


def _send(
    storage: Hl7Storage, message: Hl7Message, claimant: str, lease: Lease, silent: set[str]
) -> bool:
    """Whether it was accepted. Where another has taken the message meanwhile, nothing is noted."""
    try:
        _exchange(storage, message, lease)
    except LeaseLost:
        # Another sends it, or has sent a newer version since.
        log.warning("hl7_message_lost", message_id=message.message_id, state=message.state)
        return False
    except NotTaken as error:
        if error.silent:
            silent.add(message.destination)
        _not_taken(storage.settings, storage.hl7_sending, storage.audit, message, claimant, error)
        return False
    except NotFound:
        reason = "The report or its study was deleted."
        storage.hl7_sending.dead(message.message_id, claimant, reason)
        return False
    except Exception as error:  # noqa: BLE001 - the edge of a message: the next one goes elsewhere
        log.error("hl7_message_failed", error=type(error).__name__, place=place(error))
        _not_taken(
            storage.settings,
            storage.hl7_sending,
            storage.audit,
            message,
            claimant,
            NotTaken("The message could not be made or sent."),
        )
        return False
    storage.hl7_sending.accepted(message.message_id, claimant)
    # The report has left, also where another has the message by now.
    _audit(storage.audit, message, SUCCESS)
    log.info("hl7_message_accepted", destination=message.destination, report_id=message.report_id)
    return True


def _exchange(storage: Hl7Storage, message: Hl7Message, lease: Lease) -> None:
    """Raises NotTaken, and LeaseLost before the system has the whole message."""
    # What reads a document is large; the other tasks of the process need none of it.
    from inference.reports.export.document import read_document, with_notice
    from inference.reports.export.oru import encode_oru

    settings = storage.settings
    known = {one.name: one for one in settings.hl7_destinations}
    destination = known.get(message.destination)
    if destination is None:
        raise NotTaken(f"MEDIVIEW_HL7_DESTINATIONS names no {message.destination}.")
    report = storage.reports.get(message.report_id)
    document = read_document(storage, report, message.report_version)
    if message.superseded_at is not None:
        document = with_notice(storage.reports, document, message.superseded_at)
    deletes_notice = storage.hl7_sending.was_withdrawn(message)
    raw = encode_oru(document, message, settings, deletes_notice=deletes_notice)
    try:
        tls = _tls(storage.settings, destination)
        address, timeout_s = (destination.host, destination.port), settings.hl7_timeout_s
        answer = exchange(address, raw, timeout_s, tls, before_end=lease.ensure)
    except TimeoutError as error:
        sentence = f"No answer came within {settings.hl7_timeout_s:g} s."
        raise NotTaken(sentence, silent=True) from error
    except OSError as error:
        raise NotTaken(f"The system cannot be reached: {tls_words(error)}.") from error
    except FramingError as error:
        raise NotTaken(str(error)) from error
    _judge(answer, message)


def _tls(settings: Settings, destination: Hl7Destination) -> ssl.SSLContext | None:
    if not destination.tls:
        return None
    return ClientTls(
        "full", settings.hl7_ca or settings.tls_ca, settings.tls_certificate, settings.tls_key
    ).context()


def _judge(answer: bytes, message: Hl7Message) -> None:
    """Raises NotTaken unless MSA says that this very message was accepted."""
    try:
        acknowledgement = Message(read_header(answer), answer)
    except Refused as error:
        raise NotTaken("The answer is not an HL7 acknowledgement.") from error
    code, control_id = acknowledgement.field("MSA-1"), acknowledgement.field("MSA-2")
    if control_id != message.control_id:
        raise NotTaken("The answer is to another message.")
    # Its words may repeat what stood in the message, and so are not kept.
    match code:
        case "AA" | "CA":
            return
        case "AR" | "CR":
            raise NotTaken(f"The system rejected the message ({code}).", for_good=True)
        case "AE" | "CE":
            raise NotTaken(f"The system had an error with the message ({code}).")
        case _:
            raise NotTaken("The answer holds no acknowledgement code that is known.")


def _not_taken(
    settings: Settings,
    sending: Hl7Sending,
    audit: Audit,
    message: Hl7Message,
    claimant: str,
    error: NotTaken,
) -> None:
    policy = retry_policy(settings, "hl7_message")
    at = None if error.for_good else policy.next_attempt(message.attempts, utcnow())
    if at is None:
        sending.dead(message.message_id, claimant, error.reason)
    else:
        sending.retry_later(message.message_id, claimant, error.reason, at)
    _audit(audit, message, MINOR_FAILURE)
    log.warning(
        "hl7_message_not_accepted",
        destination=message.destination,
        attempts=message.attempts,
        reason=error.reason,
    )


def _audit(audit: Audit, message: Hl7Message, outcome: int) -> None:
    audit.record(
        AuditEvent(
            Code.EXPORT,
            "R",
            NODE,
            outcome=outcome,
            study_instance_uids=(message.study_instance_uid,),
            detail={"via": "HL7 v2", "destination": message.destination},
        )
    )
