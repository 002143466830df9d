"""The MLLP listener: orders and patients in, each message answered by what became of it."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Protocol

import structlog

from dicom_node.hl7.answering import Receivers, answer
from dicom_node.hl7.connections import Connection, Connections
from dicom_node.hl7.framing import FramingError, framed, read_message
from dicom_node.hl7.strangers_share import StrangersShare
from dicom_node.hl7.streams import Arrival, streams_of
from dicom_node.hl7.turns import Turns
from dicom_node.network.tls import ServerTls, tls_words
from storage.audit import MINOR_FAILURE, Actor, Audit, AuditEvent, Code, Type
from storage.container import open_storage
from storage.container.has import HasAudit, HasHeartbeats, HasPatientChanges, HasWorklist
from storage.core.addresses import is_within
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError
from storage.processes.heartbeats import BEAT_EVERY_S, Heartbeats
from storage.processes.priority import give_way
from storage.processes.process_roles import HL7
from storage.processes.stop_requests import StopRequests, stop_signals
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings

log = structlog.get_logger(__name__)

_IDLE_S = 3600.0
_MESSAGE_S = 60.0
_ANSWER_S = 20.0


def run_listener(settings: Settings) -> None:
    """Take messages until SIGTERM, SIGINT or SIGHUP. Blocks; a database that is away is awaited."""
    settings.check_binding(settings.hl7_host, "The HL7 listener")
    give_way()
    asked = StopRequests()
    with asked.counting_signals():
        if not wait_for_database(settings, asked):
            return
    with open_storage(settings) as storage, storage.audit.running("hl7"):
        asyncio.run(_serve(storage, settings))


class Hl7Storage(HasWorklist, HasAudit, HasPatientChanges, Protocol):
    """What of the storage layer messages of HL7 change."""


class ListenerStorage(Hl7Storage, HasHeartbeats, Protocol):
    """The same, and where the process says that it lives."""


async def _serve(storage: ListenerStorage, settings: Settings) -> None:
    ended = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with listening(storage, settings, settings.hl7_port):
        log.info("hl7_listening", host=settings.hl7_host, port=settings.hl7_port)
        beating = asyncio.create_task(_keep_beating(storage.heartbeats))
        try:
            await ended.wait()
        finally:
            beating.cancel()


async def _keep_beating(heartbeats: Heartbeats) -> None:
    """For as long as connections are accepted, by the same loop."""
    while True:
        try:
            await asyncio.to_thread(heartbeats.beat, HL7.name, utcnow())
        except MediViewError as error:
            # Without the database nobody can look for the sign.
            log.warning("hl7_heartbeat_failed", error=error.code)
        await asyncio.sleep(BEAT_EVERY_S)


def listening(storage: Hl7Storage, settings: Settings, port: int) -> "Listening":
    """A server as an async context; port 0 takes a free one."""
    receivers = Receivers(storage.worklist, storage.patient_changes, storage.audit)
    return Listening(
        partial(answer, receivers, settings),
        partial(_certificate_refused, storage.audit),
        settings,
        port,
    )


class Listening:
    def __init__(
        self,
        respond: Callable[[bytes, str], bytes],
        refused: Callable[[str, str], None],
        settings: Settings,
        port: int,
    ) -> None:
        self._respond = respond
        self._refused = refused
        self._settings = settings
        self._port = port
        self._tls = ServerTls(settings) if settings.hl7_tls else None
        self._allowed = [ip_network(one) for one in settings.hl7_allowed_networks]
        known = _known_senders(settings)
        # Apart, so that who only begins a handshake takes no place of who has finished one.
        self._arriving = Connections(known)
        self._connections = Connections(known)
        self._share = StrangersShare()
        # Messages change the same tables: side by side they would keep all other writers waiting.
        self._turns = Turns(share=self._share)

    async def __aenter__(self) -> int:
        """Returns the port. Raises InvalidRequest where it cannot be listened on."""
        loop = asyncio.get_running_loop()
        host = self._settings.hl7_host
        try:
            self._server = await loop.create_server(
                lambda: Arrival(self._arrived), host, self._port
            )
        except OSError as error:
            raise InvalidRequest(
                f"The HL7 listener cannot listen on {host}:{self._port}:"
                f" {os.strerror(error.errno) if error.errno else error}.",
                remedy="Stop what listens there, or set MEDIVIEW_HL7_PORT to another.",
            ) from error
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = [*self._arriving.tasks, *self._connections.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # What is being recorded is recorded to its end, while the database is still open.
        await self._turns.idle()

    async def _arrived(self, transport: asyncio.Transport) -> None:
        """Count a connection before its handshake, and serve it after that."""
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        if self._allowed and not is_within(peer, self._allowed):
            log.warning("hl7_connection_refused", peer=peer, reason="its address is not allowed")
            transport.abort()
            await asyncio.to_thread(self._refused, peer, "address that may not connect")
            return
        task = asyncio.current_task()
        arriving = None if task is None else self._arriving.admit(peer, task)
        if arriving is None:
            log.warning("hl7_connection_refused", peer=peer, reason="all are taken")
            transport.abort()
            return
        try:
            if not arriving.is_known:
                await self._share.wait()
            # The files are read again when they change.
            tls = None if self._tls is None else self._tls.context()
            reader, writer = await streams_of(transport, tls)
        except (ConnectionResetError, BrokenPipeError):
            # Load balancers and monitors look each minute whether the port is open.
            transport.abort()
            log.info("hl7_connection_ended", peer=peer, reason="left before it was secured")
            return
        except OSError as error:
            transport.abort()
            log.warning("hl7_handshake_failed", peer=peer, detail=tls_words(error))
            await asyncio.to_thread(self._refused, peer, f"TLS: {tls_words(error)}")
            return
        except asyncio.CancelledError:
            transport.abort()  # the listener ends, or makes room
            return
        finally:
            self._arriving.leave(arriving)
        await self._connected(reader, writer, peer)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        task = asyncio.current_task()
        connection = None if task is None else self._connections.admit(peer, task)
        if connection is None:
            log.warning("hl7_connection_refused", peer=peer, reason="all are taken")
            writer.close()
            return
        try:
            if _may_send(self._settings, writer):
                await self._talk(reader, writer, peer, connection)
            else:
                log.warning("hl7_certificate_refused", peer=peer)
                reason = "certificate of nobody who may send orders"
                await asyncio.to_thread(self._refused, peer, reason)
        except (FramingError, TimeoutError, OSError) as error:
            log.warning("hl7_connection_ended", peer=peer, reason=type(error).__name__)
        except asyncio.CancelledError:
            pass  # the listener ends, or makes room; what was not answered is sent again
        finally:
            self._connections.leave(connection)
            # Before the end: asyncio has no buffer to measure once TLS was closed twice.
            is_unread = writer.transport.get_write_buffer_size() > 0
            writer.close()
            if is_unread:
                # Who reads no answers keeps no socket.
                asyncio.get_running_loop().call_later(_ANSWER_S, writer.transport.abort)

    async def _talk(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        connection: Connection,
    ) -> None:
        while True:
            message = await read_message(reader, _IDLE_S, _MESSAGE_S)
            if message is None:
                return
            self._connections.received(connection)
            await self._turns.wait(connection)
            # A thread goes on when who waits for it is cancelled: the next message waits for it.
            recorded = asyncio.ensure_future(asyncio.to_thread(self._answer, message, peer))
            recorded.add_done_callback(lambda _: self._turns.end())
            connection.is_taken = True
            try:
                answered = await asyncio.shield(recorded)
            finally:
                connection.is_taken = False
            writer.write(framed(answered))
            await asyncio.wait_for(writer.drain(), _ANSWER_S)

    def _answer(self, message: bytes, peer: str) -> bytes:
        with self._share.used_by_this_thread():
            return self._respond(message, peer)


def _may_send(settings: Settings, writer: asyncio.StreamWriter) -> bool:
    """That the authority signed a certificate proves membership alone; some are for orders."""
    if not settings.hl7_certificates:
        return True
    from storage.peers.certificates import bindings_of

    tls = writer.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    if not shown:
        return False
    return not bindings_of(shown).isdisjoint(settings.hl7_certificates)


def _certificate_refused(audit: Audit, peer: str, reason: str) -> None:
    """An alert: somebody would send orders who cannot prove who it is, or is none that may."""
    event = AuditEvent(
        Code.SECURITY_ALERT,
        "E",
        Actor("anonymous", "HL7", peer),
        outcome=MINOR_FAILURE,
        type=Type.NODE_AUTHENTICATION,
        detail={"via": "HL7 v2", "reason": reason},
    )
    try:
        # One that comes again and again must not fill the trail.
        audit.without_effect(event)
    except MediViewError as error:
        log.error("audit_not_written", error=error.code)


def _known_senders(settings: Settings) -> list[str]:
    """Those that are named, and the systems that reports are sent to, as far as by address."""
    known = list(settings.hl7_senders)
    for one in settings.hl7_destinations:
        with suppress(ValueError):
            known.append(str(ip_address(one.host)))
    return known
