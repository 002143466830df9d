"""A round of retention: what is due leaves, and where the disk is short, what may leave early."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog

from inference.retention.assessment import Assessment, Retention, RetentionStorage
from inference.retention.clock_doubt import ClockDoubt
from inference.retention.departure import Cause, remove_study
from inference.retention.outlook_sentences import sentence
from inference.retention.quotas import keep_quotas
from inference.retention.round_result import Round
from inference.rules.file import current_rules
from inference.rules.retention_rule import RetentionRule
from storage.container.has import HasAudit, HasDeletions, HasVolumes
from storage.core.errors import InvalidRequest, MediViewError
from storage.db.portions import in_portions
from storage.maintenance.compaction import reclaimable_bytes
from storage.maintenance.housekeeping import SHORT_DEAD_RATIO
from storage.retention.disk import DiskMarks
from storage.retention.lock import retention_lock
from storage.retention.repository import RuleDecision
from storage.retention.round import RetentionRound

log = structlog.get_logger(__name__)

_AT_ONCE = 100
# Of a round; what is left waits for the next one.
_ROUND_S = 20.0
# So much of it at most for what comes before any study is removed.
_PREPARING_SHARE = 0.5
# And by when what is due makes room for what leaves early, where the disk is short.
_DUE_SHARE = 0.7
# Headers of so many studies are read before the time is looked at.
_READ_AT_ONCE = 10
_LOOK_AGAIN = timedelta(hours=1)
# Beyond the mark, so that the next study to arrive does not make the disk short again.
_MARGIN = 1.25


class RetentionRoundStorage(RetentionStorage, HasDeletions, HasVolumes, HasAudit, Protocol):
    """What of the storage layer studies leave with."""


class RetentionRounds:
    """Remembers between rounds what was logged, and how far it came. Not safe for threads."""

    def __init__(self, storage: RetentionRoundStorage, budget_s: float = _ROUND_S) -> None:
        self._storage = storage
        self._budget_s = budget_s
        self._logged: dict[str, object] = {}
        self._ahead_bytes = 0
        self._doubt = ClockDoubt()
        # Where the time of a round was over before everything that may leave early was looked at.
        self._resume_after: RuleDecision | None = None
        self._blocked_before: dict[tuple[str, str], tuple[int, int]] = {}

    def round(
        self,
        now: datetime,
        stopping: Callable[[], bool] = lambda: False,
        ahead_bytes: int = 0,
    ) -> Round:
        """Do what is due, within a bound; nothing where another process is at it.

        `ahead_bytes`: what is to be free beyond the mark, while much arrives.

        A rules file that is wrong lets nothing leave. Errors are logged; the next round tries it
        again.
        """
        done = Round()
        self._ahead_bytes = ahead_bytes
        storage = self._storage
        try:
            with retention_lock(storage.engine, storage.settings.data_dir) as mine:
                if not mine:
                    return done
                last = storage.retention.last_round()
                done.trusted_at = self._trusted_at(last, now)
                try:
                    rules = current_rules(storage.settings).retention
                except InvalidRequest as error:
                    done.problem = sentence("rules_wrong", problem=error.message)
                    self._note(done, now)
                    return done
                if not rules:
                    if last:
                        storage.retention.note_round(now, {})
                else:
                    begun = time.monotonic()

                    def ends(share: float = 1) -> bool:
                        return stopping() or time.monotonic() - begun >= share * self._budget_s

                    self._prepare(rules, now, partial(ends, _PREPARING_SHARE))
                    self._apply(Retention(storage, rules, now), done, now, ends)
                    self._note(done, now)
        except MediViewError as error:
            self._log_once("retention_failed", error.code, error=error.code)
        else:
            self._logged.pop("retention_failed", None)
        return done

    def _prepare(
        self, rules: Sequence[RetentionRule], now: datetime, ends: Callable[[], bool]
    ) -> None:
        """Note uses, and which rule counts for each study that is new or has changed."""
        storage = self._storage
        while storage.study_uses.read_trail(now) and not ends():
            pass
        retention = Retention(storage, rules, now)
        while True:
            undecided = storage.retention.undecided(retention.digest, now, _AT_ONCE)
            storage.retention.decide(retention.decide(undecided))
            if len(undecided) < _AT_ONCE or ends():
                break

    def _trusted_at(self, last: RetentionRound, now: datetime) -> datetime:
        """`now`, unless the clock is in doubt."""
        text = last.get("trusted_at")
        trusted_at = None if text is None else datetime.fromisoformat(text)
        if trusted_at is None or not self._doubt.is_in_doubt(trusted_at, now):
            return now
        return trusted_at

    def _apply(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[..., bool]
    ) -> None:
        if done.trusted_at == now:
            # What is due may wait for slow peers, and a short disk may not.
            share = _DUE_SHARE if self._is_short() else 1.0
            self._remove_due(retention, done, now, partial(ends, share))
        elif done.trusted_at is not None:
            now_day, last_day = f"{now:%Y-%m-%d}", f"{done.trusted_at:%Y-%m-%d}"
            done.problem = sentence("clock_in_doubt", now=now_day, last=last_day)
        keep_quotas(
            self._storage.retention,
            retention,
            done,
            partial(self._settled, retention, short_at=now),
            partial(self._remove, retention, cause="quota", done=done),
            ends,
        )
        self._evict(retention, done, now, ends)

    def _remove_due(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[[], bool]
    ) -> None:
        storage = self._storage
        while True:
            due = storage.retention.due(retention.digest, now, _AT_ONCE)
            gone, stay, is_over = set(due), [], False
            for assessment in self._settled(retention, due):
                gone.discard(assessment.study.study_instance_uid)
                if not self._remove(retention, assessment, "time", done):
                    stay.append(assessment.study.study_instance_uid)
                # Not before: each round comes a step further, however slow what it reads is.
                if is_over := ends():
                    break
            # Also decides again on those whose last use has changed.
            storage.retention.decide(retention.decide(stay))
            storage.retention.look_again(stay, now + _LOOK_AGAIN)
            if is_over:
                return
            # Somebody else has deleted them while they were decided on.
            storage.retention.forget(gone)
            if len(due) < _AT_ONCE or ends():
                break

    def _evict(
        self, retention: Retention, done: Round, now: datetime, ends: Callable[[], bool]
    ) -> None:
        storage = self._storage
        wanted_free = self._wanted_free()
        free_bytes = storage.volumes.free_bytes()
        if free_bytes >= wanted_free:
            return
        done.is_short = True
        done.blocked, self._blocked_before = self._blocked_before, {}
        coming = reclaimable_bytes(storage.engine, storage.volumes.folder, SHORT_DEAD_RATIO)
        wanted = int(wanted_free * _MARGIN) - free_bytes - coming
        last, self._resume_after = self._resume_after, None
        while wanted > 0:
            found = storage.retention.evictable(retention.digest, _AT_ONCE, last)
            by_uid = {one.study_instance_uid: one for one in found}
            for assessment in self._settled(retention, list(by_uid), short_at=now):
                if wanted <= 0:
                    return
                if self._remove(retention, assessment, "disk", done):
                    wanted -= assessment.study.size_bytes
                elif assessment.reasons:
                    done.block(assessment)
                last = by_uid[assessment.study.study_instance_uid]
                if wanted > 0 and ends():
                    self._resume_after, self._blocked_before = last, dict(done.blocked)
                    return
            if len(found) < _AT_ONCE:
                # Everything that may leave has left, or has to stay.
                done.missing_bytes = max(wanted, 0)
                return
            last = found[-1]

    def _settled(
        self, retention: Retention, uids: Sequence[str], short_at: datetime | None = None
    ) -> Iterator[Assessment]:
        """In the order of the UIDs; peers are asked where nothing else keeps a study."""
        for portion in in_portions(uids, _READ_AT_ONCE):
            for assessment in retention.assess(portion):
                now = assessment if short_at is None else assessment.when_short(short_at)
                yield retention.ask_peers(now) if now.waits_for_peers_alone() else now

    def _is_short(self) -> bool:
        return self._storage.volumes.free_bytes() < self._wanted_free()

    def _wanted_free(self) -> int:
        storage = self._storage
        marks = DiskMarks.of(storage.settings, storage.volumes.disk_bytes())
        return marks.evict_bytes + self._ahead_bytes

    def _remove(
        self, retention: Retention, assessment: Assessment, cause: Cause, done: Round
    ) -> bool:
        if not assessment.leaves:
            return False
        deletion = remove_study(
            self._storage.deletions,
            self._storage.obligations,
            self._storage.audit,
            retention,
            assessment,
            cause,
        )
        if deletion is None:
            return False
        done.removed += 1
        done.removed_bytes += deletion.size_bytes
        return True

    def _note(self, done: Round, now: datetime) -> None:
        self._storage.retention.note_round(now, done.as_json(now))
        if done.missing_bytes:
            studies = {f"{kind} {to}".strip(): n for (kind, to), (n, _) in done.blocked.items()}
            self._log_once(
                "disk_not_freed",
                sorted(studies),
                missing_bytes=done.missing_bytes,
                blocked_studies=studies,
            )
        else:
            self._logged.pop("disk_not_freed", None)
        if done.problem:
            self._log_once("retention_stopped", done.problem, detail=done.problem)
        else:
            self._logged.pop("retention_stopped", None)

    def _log_once(self, event: str, cause: object, **details: Any) -> None:
        """And again when the cause is another."""
        if self._logged.get(event) != cause:
            self._logged[event] = cause
            log.error(event, **details)
