"""A round of retention: what is due leaves, and where the disk is short, what may leave early."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from inference.retention.departure import Cause, remove_study
from inference.retention.verdicts import Retention, Verdict
from inference.rules.file import current_rules
from storage.container import Storage
from storage.core.errors import InvalidRequest, MediViewError
from storage.maintenance.compaction import reclaimable_bytes
from storage.maintenance.housekeeping import SHORT_DEAD_RATIO
from storage.retention.disk import DiskMarks, disk_bytes
from storage.retention.lock import retention_lock
from storage.retention.repository import RuleDecision

log = structlog.get_logger(__name__)

_AT_ONCE = 100
# Of a round; what is left waits for the next one.
_ROUND_S = 20.0
_LOOK_AGAIN = timedelta(hours=1)
# Beyond the mark, so that the next study to arrive does not make the disk short again.
_MARGIN = 1.25


@dataclass
class Round:
    """What a round did, and what it could not do."""

    removed: int = 0
    removed_bytes: int = 0
    is_short: bool = False
    missing_bytes: int = 0
    """What it was to free beyond what it could."""
    kept: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Of studies that may leave early: kind of reason and to whom → studies and bytes."""
    problem: str = ""

    def keep(self, verdict: Verdict) -> None:
        """By its first reason: each study is counted once."""
        reason = verdict.reasons[0]
        studies, size_bytes = self.kept.get((reason.kind, reason.owed_to), (0, 0))
        after = (studies + 1, size_bytes + verdict.study.size_bytes)
        self.kept[reason.kind, reason.owed_to] = after

    def as_json(self, now: datetime) -> dict[str, Any]:
        return {
            "at": now.isoformat(),
            "removed": self.removed,
            "removed_bytes": self.removed_bytes,
            "is_short": self.is_short,
            "missing_bytes": self.missing_bytes,
            "kept": [
                {"kind": kind, "owed_to": to, "studies": studies, "size_bytes": size_bytes}
                for (kind, to), (studies, size_bytes) in sorted(self.kept.items())
            ],
            "problem": self.problem,
        }


class RetentionRounds:
    """Remembers between rounds what was said already. Not safe for threads."""

    def __init__(self, storage: Storage, budget_s: float = _ROUND_S) -> None:
        self._storage = storage
        self._budget_s = budget_s
        self._told: dict[str, Any] = {}

    def round(self, now: datetime, stopping: Callable[[], bool] = lambda: False) -> Round:
        """Do what is due, within a bound; nothing where another process is at it.

        A rules file that is wrong lets nothing leave. Errors are logged; the next round tries it
        again.
        """
        done = Round()
        storage = self._storage
        try:
            with retention_lock(storage.engine, storage.settings.data_dir) as mine:
                if not mine:
                    return done
                try:
                    rules = current_rules(storage.settings).retention
                except InvalidRequest as error:
                    done.problem = error.message
                    self._note(done, now)
                    return done
                if rules:
                    deadline = time.monotonic() + self._budget_s
                    ends = lambda: stopping() or time.monotonic() >= deadline  # noqa: E731
                    self._apply(Retention(storage, rules, now), done, now, ends)
                    self._note(done, now)
        except MediViewError as error:
            self._tell("retention_failed", error=error.code)
        else:
            self._told.pop("retention_failed", None)
        return done

    def _apply(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[[], bool]
    ) -> None:
        storage = self._storage
        storage.study_uses.read_trail(now)
        while not ends():
            undecided = storage.retention.undecided(retention.digest, now, _AT_ONCE)
            storage.retention.decide(retention.decide(undecided))
            if len(undecided) < _AT_ONCE:
                break
        self._remove_due(retention, done, now, ends)
        self._evict(retention, done, now, ends)

    def _remove_due(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[[], bool]
    ) -> None:
        storage = self._storage
        while not ends():
            due = storage.retention.due(retention.digest, now, _AT_ONCE)
            stay = []
            for verdict in self._settled(retention, due):
                if ends():
                    break
                if not self._remove(retention, verdict, "time", done):
                    stay.append(verdict.study.study_instance_uid)
            # Also decides again on those whose last use has changed.
            storage.retention.decide(retention.decide(stay))
            storage.retention.look_again(stay, now + _LOOK_AGAIN)
            if len(due) < _AT_ONCE:
                break

    def _evict(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[[], bool]
    ) -> None:
        storage = self._storage
        marks = DiskMarks.of(storage.settings, disk_bytes(storage.settings))
        free_bytes = storage.volumes.free_bytes()
        if free_bytes >= marks.evict_bytes:
            return
        done.is_short = True
        coming = reclaimable_bytes(storage.engine, storage.volumes.folder, SHORT_DEAD_RATIO)
        wanted = int(marks.evict_bytes * _MARGIN) - free_bytes - coming
        for decisions in self._evictable(retention):
            if wanted <= 0 or ends():
                break
            uids = [one.study_instance_uid for one in decisions]
            for verdict in self._settled(retention, uids, short_at=now):
                if wanted <= 0 or ends():
                    break
                if self._remove(retention, verdict, "disk", done):
                    wanted -= verdict.study.size_bytes
                elif verdict.reasons:
                    done.keep(verdict)
        else:
            # Everything that may leave has left, or has to stay.
            done.missing_bytes = max(wanted, 0)

    def _evictable(self, retention: Retention) -> Iterator[list[RuleDecision]]:
        last = None
        while True:
            found = self._storage.retention.evictable(retention.digest, _AT_ONCE, last)
            if found:
                yield found
            if len(found) < _AT_ONCE:
                return
            last = found[-1]

    def _settled(
        self, retention: Retention, uids: Sequence[str], short_at: datetime | None = None
    ) -> Iterator[Verdict]:
        """Verdicts in the order of the UIDs, with what peers say where all else is settled."""
        for verdict in retention.verdicts(uids):
            now = verdict if short_at is None else verdict.when_short(short_at)
            yield retention.ask_peers(now) if now.waits_for_peers_alone() else now

    def _remove(self, retention: Retention, verdict: Verdict, cause: Cause, done: Round) -> bool:
        if not verdict.leaves:
            return False
        deletion = remove_study(self._storage, retention, verdict, cause)
        if deletion is None:
            return False
        done.removed += 1
        done.removed_bytes += deletion.size_bytes
        return True

    def _note(self, done: Round, now: datetime) -> None:
        self._storage.retention.note_round(now, done.as_json(now))
        if done.missing_bytes:
            kept = {f"{kind} {to}".strip(): many for (kind, to), (many, _) in done.kept.items()}
            self._tell("disk_not_freed", missing_bytes=done.missing_bytes >> 20 << 20, kept=kept)
        else:
            self._told.pop("disk_not_freed", None)
        if done.problem:
            self._tell("retention_without_rules", detail=done.problem)
        else:
            self._told.pop("retention_without_rules", None)

    def _tell(self, event: str, **details: Any) -> None:
        """Once, and again when something of it changes."""
        if self._told.get(event) != details:
            self._told[event] = details
            log.error(event, **details)
