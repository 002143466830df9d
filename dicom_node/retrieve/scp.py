"""C-MOVE and C-GET as SCP (PS3.4 C.4.2 and C.4.3)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import GET_CLASSES, MOVE_CLASSES
from dicom_node.network.command_set import Command, CommandSet, SubOperations, encode_response
from dicom_node.peers import Peer, known_peer
from dicom_node.query.identifiers import Identifier, encode_uid_list, read_identifier
from dicom_node.query.scp import query_level
from dicom_node.scu import send
from dicom_node.status import (
    CANCEL,
    MOVE_DESTINATION_UNKNOWN,
    NOT_RETRIEVE,
    PENDING,
    SUB_OPERATIONS_FAILED,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
    UNEXPECTED,
    DimseStatus,
    query_status,
)
from dicom_node.store.sending import SendItem, SendResult, send_over
from storage.container.has import HasEngine, HasIndex, HasInstances, HasPeers, HasSettings
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError, NotFound
from storage.index.matching.attributes import UNIQUE_KEYS, Level
from storage.index.matching.conditions import MAX_UIDS
from storage.index.matching.dicom_query import Query, find

log = structlog.get_logger(__name__)

# Between pending responses; each would cost a message for an instance.
_INSTANCES_A_RESPONSE = 20


@dataclass
class _Progress:
    """Sub-operations of one request."""

    total: int
    completed: int = 0
    failed: list[str] = field(default_factory=list)
    warning: int = 0

    def count(self, result: SendResult) -> None:
        if not result.ok:
            self.failed.append(result.sop_instance_uid)
        elif result.status:
            self.warning += 1
        else:
            self.completed += 1

    @property
    def done(self) -> int:
        return self.completed + self.warning + len(self.failed)

    def counts(self) -> SubOperations:
        return SubOperations(self.total - self.done, self.completed, len(self.failed), self.warning)


class RetrieveStorage(HasSettings, HasEngine, HasIndex, HasInstances, HasPeers, Protocol):
    """What of the storage layer C-MOVE and C-GET need."""


class RetrieveScp:
    """Answers the C-MOVE and C-GET requests of one association."""

    def __init__(self, storage: RetrieveStorage, association: NodeAssociation) -> None:
        self._storage = storage
        self._association = association

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        context = self._association.context(context_id)
        progress = _Progress(0)
        if context is None or context[0] not in MOVE_CLASSES | GET_CLASSES:
            self._respond(context_id, command, NOT_RETRIEVE, None, "")
            return
        try:
            identifier = read_identifier(data, context[1])
            send_items = self._sender(context_id, command, context[0])
            instances = self._instances(identifier, query_level(identifier, context[0]))
            progress.total = len(instances)
            status = self._retrieve(context_id, command, instances, send_items, progress)
        except MediViewError as error:
            status = (
                DimseStatus(MOVE_DESTINATION_UNKNOWN, "Configure the destination on this node.")
                if isinstance(error, _UnknownDestination)
                else query_status(error)
            )
            log.warning("retrieve_refused", code=error.code, status=f"{status.code:#06x}")
        except OSError:
            raise
        except Exception:
            # The edge of a request: the peer gets an answer whatever happens.
            log.error("retrieve_failed", peer=self._association.peer_ae_title, exc_info=True)
            status = UNEXPECTED
        self._association.answered(status.code)
        if self._association.is_open:
            self._respond(context_id, command, status, progress, context[1])

    def _retrieve(
        self,
        context_id: int,
        command: CommandSet,
        instances: Sequence[Instance],
        send_items: "_Send",
        progress: _Progress,
    ) -> DimseStatus:
        cancelled = partial(self._association.is_cancelled, command.message_id)
        auditing, destination = self._association.auditing, self._named(command)
        if auditing is not None:
            auditing.retrieving(instances, destination)
        unsent = {instance.sop_instance_uid for instance in instances}
        sizes = {one.sop_instance_uid: one.location.length for one in instances}
        traffic = self._association.traffic

        def count(result: SendResult) -> None:
            progress.count(result)
            if result.ok:
                unsent.discard(result.sop_instance_uid)
                if traffic is not None:
                    traffic.sent(sizes.get(result.sop_instance_uid, 0))
            if progress.done % _INSTANCES_A_RESPONSE == 0 and progress.done < progress.total:
                pending = encode_response(command, PENDING, sub_operations=progress.counts())
                self._association.send_data(context_id, pending)

        try:
            send_items([self._item(instance) for instance in instances], count, cancelled)
        finally:
            if auditing is not None:
                auditing.retrieved(instances, unsent, destination)
        log.info(
            "instances_retrieved",
            peer=self._association.peer_ae_title,
            completed=progress.completed,
            failed=len(progress.failed),
            warning=progress.warning,
        )
        if progress.done < progress.total:
            return DimseStatus(CANCEL)
        if not progress.failed and not progress.warning:
            return DimseStatus(SUCCESS)
        if progress.completed or progress.warning:
            return DimseStatus(SUB_OPERATIONS_WARNING)
        return DimseStatus(SUB_OPERATIONS_FAILED, "No instance could be sent; see the node's log.")

    def _sender(self, context_id: int, command: CommandSet, sop_class_uid: str) -> "_Send":
        if sop_class_uid in GET_CLASSES:
            return partial(send_over, self._association)
        peer = self._destination(command.move_destination)

        def send_to(
            items: Sequence[SendItem],
            on_result: Callable[[SendResult], None],
            cancelled: Callable[[], bool],
        ) -> None:
            send(
                items,
                peer=peer,
                calling_ae_title=self._storage.settings.ae_title,
                on_result=on_result,
                cancelled=cancelled,
                move_originator=(self._association.peer_ae_title, command.message_id),
            )

        return send_to

    def _named(self, command: CommandSet) -> tuple[str, str] | None:
        """AE title and host of a C-MOVE's destination, None of a C-GET, which has none."""
        if command.command_field != Command.C_MOVE_RQ:
            return None
        peer = self._destination(command.move_destination)
        return peer.ae_title, peer.host

    def _destination(self, ae_title: str) -> Peer:
        peer = known_peer(self._storage.settings, self._storage.peers, ae_title)
        if peer is not None:
            return peer
        raise _UnknownDestination(
            f"The move destination '{ae_title}' is not configured.",
            remedy="Add it with `mediview peers add`, or to MEDIVIEW_DESTINATIONS.",
        )

    def _instances(self, identifier: Identifier, level: Level) -> list[Instance]:
        """What the unique keys name (PS3.4 C.4.2.1.4.1), each once; unknown UIDs name nothing."""
        named = (value.strip() for value in identifier.keys.get(UNIQUE_KEYS[level], "").split("\\"))
        # A list of a few bytes could name a study a million times.
        values = [value for value in dict.fromkeys(named) if value]
        if not values or any(set(value) & set("*?") for value in values):
            raise InvalidRequest(
                f"{UNIQUE_KEYS[level]} names nothing to retrieve at level {level}.",
                remedy="Send the unique key of the level, without wildcards.",
            )
        if len(values) > MAX_UIDS:
            raise InvalidRequest(
                f"{UNIQUE_KEYS[level]} lists {len(values)} values; {MAX_UIDS} are allowed.",
                remedy="Ask in several requests.",
            )
        study = identifier.keys.get("StudyInstanceUID", "")
        found: dict[str, Instance] = {}
        for value in values:
            for instance in self._named_by(value, level, study):
                found.setdefault(instance.sop_instance_uid, instance)
        return list(found.values())

    def _named_by(self, value: str, level: Level, study: str) -> Iterator[Instance]:
        index = self._storage.index
        if level == "STUDY":
            yield from index.instances_of(value)
        elif level == "SERIES" and study and "\\" not in study:
            yield from index.instances_of(study, value)
        elif level == "IMAGE":
            with suppress(NotFound):
                yield index.instance(value)
        elif level == "PATIENT":
            # The studies of all patients of that ID, each once.
            for row in find(self._storage.engine, Query("STUDY", {"PatientID": value})):
                yield from index.instances_of(row["StudyInstanceUID"])
        else:
            for row in find(self._storage.engine, Query(level, {UNIQUE_KEYS[level]: value})):
                yield from index.instances_of(row["StudyInstanceUID"], value)

    def _item(self, instance: Instance) -> SendItem:
        return SendItem(
            instance.sop_class_uid,
            instance.sop_instance_uid,
            instance.transfer_syntax_uid,
            partial(self._storage.instances.open, instance),
        )

    def _respond(
        self,
        context_id: int,
        command: CommandSet,
        status: DimseStatus,
        progress: _Progress | None,
        transfer_syntax_uid: str,
    ) -> None:
        failed = progress.failed if progress is not None else []
        data = None
        if failed and status.code != SUCCESS:
            data = encode_uid_list("FailedSOPInstanceUIDList", failed, transfer_syntax_uid)
        response = encode_response(
            command,
            status.code,
            status.comment,
            has_data_set=data is not None,
            sub_operations=progress.counts() if progress is not None else None,
            offending_tag=status.offending_tag,
        )
        self._association.send_data(
            context_id, response, None if data is None else memoryview(data)
        )


_Send = Callable[[Sequence[SendItem], Callable[[SendResult], None], Callable[[], bool]], object]


class _UnknownDestination(InvalidRequest):
    """The C-MOVE names a destination that is not configured (status A801)."""
