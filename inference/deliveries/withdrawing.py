"""A rejection note over objects that count no more, stored and sent where some of them lie."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import structlog

from inference import auditing
from inference.results.file_writing import part10
from storage.container.has import (
    HasAudit,
    HasDeliveries,
    HasGenerated,
    HasInstances,
    HasWithdrawals,
)
from storage.core.entities import Instance, Job
from storage.core.sources import of_withdrawal

if TYPE_CHECKING:
    from inference.results.rejection_note import Correction

log = structlog.get_logger(__name__)


class NoteStorage(HasInstances, HasGenerated, HasDeliveries, HasWithdrawals, HasAudit, Protocol):
    """What of the storage layer a rejection note is made and sent with."""


def send_rejection_note(
    storage: NoteStorage,
    job: Job,
    rejected: Sequence[Instance],
    correction: "Correction | None" = None,
) -> Instance:
    """The note, in which what is rejected is named (IHE RAD TF-3 4.66).

    Doing it again gives the same note. Raises StorageUnavailable.
    """
    # What encodes is large, and few rounds need it.
    from inference.results.rejection_note import encode_rejection_note, rejection_note_uid

    headers = [storage.instances.header(one) for one in rejected]
    scheme = storage.generated.scheme(lambda one: [rejection_note_uid(job, one, correction)])
    note = encode_rejection_note(replace(job, uids=scheme), headers, correction)
    instance, _ = storage.generated.store(
        part10(note), str(note.SOPInstanceUID), of_withdrawal(job.job_id)
    )
    auditing.results_made(storage.audit, job, [instance])
    destinations = storage.withdrawals.destinations_of([one.sop_instance_uid for one in rejected])
    for name, cause in destinations.items():
        storage.deliveries.enqueue(name, [instance], job.job_id, cause=cause)
    log.info(
        "results_withdrawn",
        job_id=job.job_id,
        sop_instance_uid=instance.sop_instance_uid,
        results=len(rejected),
        destinations=len(destinations),
    )
    return instance
