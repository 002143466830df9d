"""Uploaded instances through the one door, and on to the pipelines at once.

An upload is whole when it is sent, so nobody waits for its series to be quiet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from api.errors import ApiProblem
from api.uploads.schemas import IntakeCounts, RefusedFile
from api.uploads.unpack import DicomFile, Limits, Refusal, unpack
from inference.access_groups.service import GroupRuleStorage, apply_rules
from inference.broker.notify import wake
from inference.model_registry.status import standing_named
from inference.pipeline import Pipeline, runs_on_request
from inference.scheduling.completeness import wait_for_bucket
from inference.scheduling.schedule import SchedulingStorage, schedule_pipeline, schedule_series
from storage.core.callers.visibility import current_visibility
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job, Series
from storage.core.errors import (
    InvalidInstance,
    LimitExceeded,
    NotFound,
    NotPermitted,
    StorageUnavailable,
    UidConflict,
)
from storage.index.repository import Index
from storage.ingest.service import Ingest
from storage.settings import Settings

_REFUSED_LISTED = 200


def _not_followed(done: int, total: int) -> None:
    """For those that nobody watches."""


@dataclass
class Intake:
    """What became of the files of one request."""

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: list[Refusal] = field(default_factory=list)
    refused_count: int = 0
    on_progress: Callable[[int, int], None] = _not_followed
    """Called with how many files of how many are through."""
    touched: dict[tuple[str, str], None] = field(default_factory=dict)
    """(study_instance_uid, series_instance_uid) of every instance, in order."""

    @property
    def study_instance_uids(self) -> list[str]:
        return list(dict.fromkeys(study for study, _ in self.touched))

    def take(
        self,
        settings: Settings,
        ingest: Ingest,
        name: str,
        file: BinaryIO,
        source: str,
        note_source: str = "",
    ) -> None:
        """Put every instance of a file through the door.

        Raises what refuses the file as a whole, StorageFull and
        StorageUnavailable; what was stored before stays stored, and sending it
        again is harmless.
        """
        total = 1

        def count(number: int) -> None:
            nonlocal total
            total = number

        limits = Limits.of(settings)
        for done, part in enumerate(unpack(name, file, limits, count)):
            self.on_progress(done, total)
            if isinstance(part, Refusal):
                self._refuse(part)
            else:
                self._accept(ingest, part, source, note_source)

    def counts(self) -> IntakeCounts:
        return IntakeCounts(
            stored=self.stored,
            duplicate=self.duplicate,
            conflict=self.conflict,
            refused=[RefusedFile(name=one.name, reason=one.reason) for one in self.refused],
            refused_count=self.refused_count,
        )

    def check_anything_usable(self) -> None:
        """Raise 422 `nothing_usable` when no file was an instance."""
        if self.touched:
            return
        first = self.refused[0].reason if self.refused else "There is no file in it."
        raise ApiProblem(
            422,
            "nothing_usable",
            first
            if self.refused_count < 2
            else f"None of the {self.refused_count} files can be used. The first: {first}",
            title="Nothing in it can be used",
            remedy="Send DICOM instances, a ZIP archive of them, or one PNG or JPEG.",
            extra={"instances": self.counts().model_dump(mode="json")},
        )

    def _accept(self, ingest: Ingest, file: DicomFile, source: str, note_source: str) -> None:
        stream = ingest.open_stream(source, note_source=note_source)
        try:
            for piece in file.pieces:
                stream.write(piece)
            accepted = stream.finish()
        except (InvalidInstance, LimitExceeded, NotPermitted, UidConflict) as error:
            self._refuse(Refusal(file.name, f"{error.message} {error.remedy}".strip()))
            return
        finally:
            stream.discard()
        if accepted.outcome == "stored":
            self.stored += 1
        elif accepted.outcome == "duplicate":
            self.duplicate += 1
        else:
            self.conflict += 1
        self.touched[accepted.study_instance_uid, accepted.series_instance_uid] = None

    def _refuse(self, refusal: Refusal) -> None:
        self.refused_count += 1
        if len(self.refused) < _REFUSED_LISTED:
            self.refused.append(refusal)


@dataclass(frozen=True)
class Scheduled:
    decisions: Sequence[Decision]
    jobs: Sequence[Job]


class IntakeStorage(SchedulingStorage, GroupRuleStorage, Protocol):
    """What of the storage layer decides on what was uploaded."""


def schedule_touched(
    storage: IntakeStorage, intake: Intake, pipeline: str | None = None
) -> Scheduled:
    """Complete the series that arrived, offer them to every pipeline, wake a worker.

    With `pipeline` only its decisions and jobs are returned, and one that runs on request is asked
    for. A series of a study that the
    caller's access groups do not see is left to the worker. Raises NotFound when there is no
    pipeline of that name.
    """
    asked = None
    if pipeline is not None:
        asked = standing_named(storage.settings, storage.model_states, pipeline).pipeline
    if current_visibility() is not None:
        apply_rules(storage, utcnow())
    touched = list(_visible(storage.index, intake))
    # Once for all: each would wait as long while the bucket is away, and the request with them.
    receiving = [series for series in touched if series.state == "RECEIVING"]
    waiting = wait_for_bucket(storage.settings, storage.index, receiving)
    decisions = [
        decision
        for series in touched
        for decision in _decide(storage, series, asked, is_waiting=series in waiting)
        if pipeline in (None, decision.pipeline)
    ]
    wake(storage.settings)
    job_ids = dict.fromkeys(decision.job_id for decision in decisions if decision.job_id)
    return Scheduled(decisions, [storage.jobs.get(job_id) for job_id in job_ids])


def _visible(index: Index, intake: Intake) -> Iterator[Series]:
    for study_instance_uid, series_instance_uid in intake.touched:
        try:
            yield index.series(study_instance_uid, series_instance_uid)
        except NotFound:
            if current_visibility() is None:
                raise


def _decide(
    storage: SchedulingStorage, series: Series, asked: Pipeline | None, *, is_waiting: bool
) -> list[Decision]:
    """`is_waiting`: the bucket lacks something of it."""
    if series.state == "RECEIVING":
        if is_waiting:
            # It is complete, and offered, once workers of other hosts can read it. Nobody else
            # would ask for a pipeline that runs on request.
            if asked is not None and runs_on_request(asked):
                raise StorageUnavailable(
                    f"What was uploaded is stored, and not yet in the bucket: {asked.name} cannot"
                    " run on it.",
                    remedy="Ask for it again in some seconds, or send the same once more.",
                )
            return []
        completed = storage.index.mark_complete(series, utcnow())
        if completed is None:
            # Somebody else sends into the same series; it is offered when that is quiet.
            return []
        series = completed
    decisions = schedule_series(storage, series)
    if asked is not None and runs_on_request(asked):
        return [schedule_pipeline(storage, series, asked)]
    return decisions
