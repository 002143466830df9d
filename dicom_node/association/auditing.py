"""What the audit trail hears of one association: asked, moved, refused.

Nothing here is written an instance at a time. A study that comes in is recorded
when its first instance is here and again, with its counts, when the association
ends, however it ends; a process that dies in between has recorded the first. Where
nothing of it is new it is recorded at the end alone.
"""

import base64
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from pydicom.dataset import Dataset
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node.network.command_set import Command
from dicom_node.network.data_sets import decode_data_set
from storage.audit import MINOR_FAILURE, SUCCESS, Action, Actor, Audit, AuditEvent, Code, Type
from storage.core.callers.request_context import Stored, serving
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.entities import Instance
from storage.core.errors import MediViewError

log = structlog.get_logger(__name__)

_STUDIES_AT_ONCE = 256
_QUERY_MAX_BYTES = 16 * 1024
_REJECTIONS = {
    (0x01, 0x01, 0x01): "no reason given",
    (0x01, 0x01, 0x02): "application context name not supported",
    (0x01, 0x02, 0x02): "protocol version not supported",
    (0x01, 0x01, 0x03): "calling AE title not recognised",
    (0x01, 0x01, 0x07): "called AE title not recognised",
    (0x02, 0x03, 0x01): "temporary congestion",
    (0x02, 0x03, 0x02): "local limit exceeded",
}
"""PS3.8 Table 9-21."""


class AssociationAuditing:
    """Keeps what came in by study; called by the thread of the association alone."""

    def __init__(self, audit: Audit, address: str) -> None:
        self._audit = audit
        self._address = address
        self.peer_ae_title = ""
        self.association_id = f"association-{secrets.token_hex(8)}"
        self._came_in: dict[str, Counter[str]] = {}
        self._came_again: dict[str, Counter[str]] = {}
        """Of studies of which nothing else came: what is here already is sent again at will."""
        self._refused = 0

    @property
    def _actor(self) -> Actor:
        return Actor("peer", self.peer_ae_title, self._address)

    @contextmanager
    def around(self) -> Iterator[None]:
        """The life of the association: its id in every log line, its address for what callers
        share, and its end in the trail.
        """
        caller = on_behalf_of(address_caller(self._address))
        with caller, serving(self.association_id, self.stored):
            try:
                yield
            finally:
                self._ended()

    def associated(self, request: A_ASSOCIATE) -> None:
        """The peer has stated who it is."""
        self.peer_ae_title = str(request.calling_ae_title).strip()

    def rejected(self, rejection: tuple[int, int, int]) -> None:
        """An association that may not be."""
        self._alert(Type.NODE_AUTHENTICATION, _REJECTIONS.get(rejection, "rejected"))

    def not_understood(self, *, is_established: bool) -> None:
        """What came instead of a request for an association, or of a message within one."""
        reason = (
            "a message that cannot be read"
            if is_established
            else "no request for an association that can be read"
        )
        self._alert(Type.NODE_AUTHENTICATION, reason)

    def tls_failed(self, reason: str) -> None:
        """A peer that could not prove who it is, or does not speak TLS as we do."""
        self._alert(Type.NODE_AUTHENTICATION, f"TLS: {reason}")

    def not_allowed(self, command_field: int) -> None:
        """A request that the peer may not make."""
        try:
            name = Command(command_field).name.removesuffix("_RQ").replace("_", "-")
        except ValueError:
            name = f"{command_field:#06x}"
        self._alert(Type.USE_OF_RESTRICTED_FUNCTION, f"{name} is not allowed")

    def stored(self, stored: Stored) -> None:
        """An instance is durable. Raises StorageUnavailable where the trail fails closed."""
        study_instance_uid = stored.study_instance_uid
        if stored.outcome == "stored":
            # What was there before leads to no new job.
            self._audit.series_came(stored.series_instance_uid)
        elif stored.outcome == "duplicate" and study_instance_uid not in self._came_in:
            if len(self._came_again) >= _STUDIES_AT_ONCE:
                self._tell_stored()
            self._came_again.setdefault(study_instance_uid, Counter())[stored.sop_class_uid] += 1
            return
        counts = self._came_in.get(study_instance_uid)
        if counts is None:
            if len(self._came_in) >= _STUDIES_AT_ONCE:
                self._tell_stored()
            self._audit.record(
                self._event(Code.BEGIN_TRANSFER, "E", (study_instance_uid,), {"toward": "node"})
            )
            counts = self._came_again.pop(study_instance_uid, Counter())
            self._came_in[study_instance_uid] = counts
        counts[stored.sop_class_uid] += 1

    def instance_refused(self) -> None:
        self._refused += 1

    def queried(self, context: tuple[str, str], data: bytes | None) -> None:
        """A C-FIND that is about to be answered.

        Raises StorageUnavailable where the trail fails closed.
        """
        self._audit.record(self._query(context, data, SUCCESS))

    def query_refused(self, context: tuple[str, str], data: bytes | None) -> None:
        """A C-FIND that was answered with a failure."""
        self._tell_without_effect(self._query(context, data, MINOR_FAILURE))

    def procedure_record(
        self, action: Action, study_instance_uid: str, *, repeated: bool = False, **detail: str
    ) -> None:
        """A workitem was made, read or changed. `repeated`: what is alike shares a row in a minute.

        Raises StorageUnavailable where the trail fails closed.
        """
        studies = (study_instance_uid,) if study_instance_uid else ()
        event = self._event(Code.PROCEDURE_RECORD, action, studies, detail)
        if repeated:
            self._audit.repeated(event)
        else:
            self._audit.record(event)

    def _query(self, context: tuple[str, str], data: bytes | None, outcome: int) -> AuditEvent:
        """With the identifier as it came, in base64 (PS3.15 A.5.3.10)."""
        sop_class_uid, transfer_syntax_uid = context
        keys = _keys(data, transfer_syntax_uid)
        patient_id = str(keys.get("PatientID") or "")
        studies = [uid for uid in str(keys.get("StudyInstanceUID") or "").split("\\") if uid]
        return AuditEvent(
            Code.QUERY,
            "E",
            self._actor,
            outcome=outcome,
            study_instance_uids=tuple(studies) if len(studies) == 1 else (),
            patient_ids=(patient_id,) if patient_id and not set(patient_id) & set("*?\\") else (),
            detail={
                "query_uid": sop_class_uid,
                "query": base64.b64encode((data or b"")[:_QUERY_MAX_BYTES]).decode(),
                "TransferSyntax": transfer_syntax_uid,
            },
            request_id=self.association_id,
        )

    def retrieving(
        self, instances: Iterable[Instance], destination: tuple[str, str] | None
    ) -> None:
        """Instances are about to leave, to the peer or to an (AE title, host) that it names.

        Raises StorageUnavailable where the trail fails closed.
        """
        for study_instance_uid in dict.fromkeys(one.study_instance_uid for one in instances):
            self._audit.record(
                self._event(Code.BEGIN_TRANSFER, "E", (study_instance_uid,), _toward(destination))
            )

    def retrieved(
        self,
        instances: Iterable[Instance],
        failed: Iterable[str],
        destination: tuple[str, str] | None,
    ) -> None:
        """Instances have left, all but those of the `failed` SOP Instance UIDs."""
        lost = set(failed)
        by_study: dict[str, Counter[str]] = {}
        missing: Counter[str] = Counter()
        for one in instances:
            counts = by_study.setdefault(one.study_instance_uid, Counter())
            if one.sop_instance_uid in lost:
                missing[one.study_instance_uid] += 1
            else:
                counts[one.sop_class_uid] += 1
        for study_instance_uid, counts in by_study.items():
            detail = {**_toward(destination), "sop_classes": dict(counts)}
            if missing[study_instance_uid]:
                detail["failed"] = missing[study_instance_uid]
            self._tell(
                self._event(
                    Code.INSTANCES_TRANSFERRED,
                    "R",
                    (study_instance_uid,),
                    detail,
                    outcome=MINOR_FAILURE if missing[study_instance_uid] else SUCCESS,
                )
            )

    def _ended(self) -> None:
        self._tell_stored()
        if self._refused:
            detail = {"toward": "node", "refused": self._refused}
            self._tell_without_effect(
                self._event(Code.INSTANCES_TRANSFERRED, "C", (), detail, outcome=MINOR_FAILURE)
            )

    def _tell_stored(self) -> None:
        came_in, self._came_in = self._came_in, {}
        came_again, self._came_again = self._came_again, {}
        for studies, tell in ((came_in, self._tell), (came_again, self._tell_without_effect)):
            for uid, counts in studies.items():
                detail = {"toward": "node", "sop_classes": dict(counts)}
                tell(self._event(Code.INSTANCES_TRANSFERRED, "C", (uid,), detail))

    def _alert(self, kind: Type, reason: str) -> None:
        self._tell_without_effect(
            AuditEvent(
                Code.SECURITY_ALERT,
                "E",
                self._actor,
                outcome=MINOR_FAILURE,
                type=kind,
                detail={"reason": reason},
                request_id=self.association_id,
            )
        )

    def _tell(self, event: AuditEvent) -> None:
        """What has happened already cannot be refused any more."""
        try:
            self._audit.record(event)
        except MediViewError as error:
            log.error("audit_not_written", error=error.code)

    def _tell_without_effect(self, event: AuditEvent) -> None:
        """One that calls again and again must not fill the trail."""
        try:
            self._audit.without_effect(event)
        except MediViewError as error:
            log.error("audit_not_written", error=error.code)

    def _event(
        self,
        code: Code,
        action: Action,
        study_instance_uids: tuple[str, ...],
        detail: Mapping[str, object],
        outcome: int = SUCCESS,
    ) -> AuditEvent:
        return AuditEvent(
            code,
            action,
            self._actor,
            outcome=outcome,
            study_instance_uids=study_instance_uids,
            detail=detail,
            request_id=self.association_id,
        )


def _keys(data: bytes | None, transfer_syntax_uid: str) -> Dataset:
    try:
        return decode_data_set(data, transfer_syntax_uid)
    except MediViewError:
        return Dataset()


def _toward(destination: tuple[str, str] | None) -> dict[str, object]:
    if destination is None:
        return {"toward": "actor"}
    name, address = destination
    return {"toward": "other", "other": {"name": name, "address": address}}
