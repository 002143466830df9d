"""One round of what keeps the storage in order; the clock of `inference` calls it.

Records without rows are indexed, tombstones that the disk did not take are written, objects of
deleted instances leave the bucket, received ones and deletions go there, mostly dead volumes are
rewritten, retired ones removed, the cache is kept within its limit, damaged instances are looked
for and repaired, what the node made is digested where it is not yet, and what was kept long enough
goes.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from storage.audit.keeper import bring_in_spool
from storage.container import Storage
from storage.core.data_folder import disk_reserve
from storage.core.errors import MediViewError
from storage.db.locks.advisory_lock import group_lock, housekeeping_lock
from storage.deletion.copies_in_bucket import carry_out_copies, copy_deletions
from storage.deletion.durable_tombstones import write_outstanding
from storage.deletion.service import purge
from storage.integrity.repair import Repair
from storage.integrity.scrub import Scrub
from storage.maintenance.compaction import compact
from storage.maintenance.conflicts.copies import copy_conflicts, remove_left_copies
from storage.maintenance.content_digests import Progress, digest_contents
from storage.maintenance.expiry import remove_expired
from storage.maintenance.left_objects import LeftObjects
from storage.maintenance.object_upload import upload_instances, upload_volume
from storage.maintenance.retired_volumes import remove_retired
from storage.maintenance.volume_cache import fetch_due, limit_cache
from storage.retention.disk import DiskMarks

log = structlog.get_logger(__name__)

_SETTLE_AT_ONCE = 200
_RECONCILE_EVERY_S = 60.0
_CONFLICTS_EVERY_S = 60.0
_SHORT_OF_DISK_S = 10.0
SHORT_DEAD_RATIO = 0.1
"""On a disk that is short, volumes are rewritten of which this part is dead."""


class Housekeeper:
    """Remembers between rounds what this process did and what failed. Safe for threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._compacted_at: datetime | None = None
        self._reconcile_next_s = 0.0
        self._conflicts_next_s = 0.0
        self._is_thorough_done = False
        self._deletions_learned_of = ""
        self._digest_progress = Progress()
        self._out: set[str] = set()
        """Steps that failed last time: an outage is logged once."""
        whole = storage.engine, storage.volumes, storage.objects, storage.damaged
        is_elsewhere = storage.hosts.is_elsewhere
        self._repair = Repair(*whole, is_elsewhere)
        self._left = LeftObjects(
            storage.engine, storage.objects, storage.settings.upload_retention_s
        )
        days = storage.settings.scrub_days
        self._scrub = Scrub(*whole, days, is_elsewhere) if days else None

    def round(
        self, now: datetime, *, compact_now: bool = False, folder_alone: bool = False
    ) -> bool:
        """Do what is due; whether more waits that can be done at once.

        `compact_now`: studies have just left to make room. `folder_alone`: not what hosts with
        disks of their own have together.

        False too where another process is at it. Errors are logged, once an
        outage; the next round tries again.
        """
        storage = self._storage
        try:
            if not storage.settings.own_disks:
                with housekeeping_lock(storage.engine, storage.settings.data_dir) as mine:
                    more = mine and self._look_after(
                        now, folder=True, group=True, compact_now=compact_now
                    )
            else:
                more = self._round_of_host(now, compact_now, folder_alone)
            self._recovered("lock")
            return more
        except MediViewError as error:
            self._failed("lock", error)
            return False

    def _round_of_host(self, now: datetime, compact_now: bool, folder_alone: bool) -> bool:
        """Each part under a lock of its own: the folder's is busy while much arrives."""
        engine, data_dir = self._storage.engine, self._storage.settings.data_dir
        more = False
        with housekeeping_lock(engine, data_dir, self._storage.hosts.own_id()) as mine:
            if mine:
                more = self._look_after(now, folder=True, group=False, compact_now=compact_now)
        if not folder_alone:
            with group_lock(engine, data_dir) as mine:
                if mine:
                    more |= self._look_after(now, folder=False, group=True, compact_now=False)
        return more

    def _look_after(self, now: datetime, *, folder: bool, group: bool, compact_now: bool) -> bool:
        """This host's `folder`, and what all hosts have together (`group`), in this order."""
        more = False
        if folder:
            self._try("beat", self._beat)
            self._try("audit_spool", self._bring_in_spool)
            self._try("reserve", self._reserve)
            self._try("reconcile", self._reconcile)
        if group:
            self._try("learn_deletions", self._learn_deletions)
            self._try("tombstones", lambda: self._write_tombstones(now))
        if folder:
            # Before a right copy is dropped from the cache.
            self._try("repair", self._repair_damaged)
        if group:
            more |= self._try("purge", self._purge)
            self._try("remove_conflicts", self._remove_copies_of_conflicts)
        if folder:
            more |= self._try("upload_instances", self._upload)
            more |= self._try("copy_conflicts", self._copy_conflicts)
        if group:
            more |= self._try("copy_deletions", self._copy_deletions)
        if folder:
            self._try("compact", lambda: self._compact(now, at_once=compact_now))
            self._try("limit_cache", self._limit_cache)
            self._try("note_disk", lambda: self._note_disk(now))
        if group:
            self._try("scrub", lambda: self._scrub_some(now))
            self._try("left_objects", self._remove_left)
            self._try("digest_contents", self._digest_contents)
            self._try("expire", lambda: remove_expired(self._storage, now))
        return more

    def _beat(self) -> bool:
        self._storage.hosts.beat()
        return False

    def _bring_in_spool(self) -> bool:
        """A host without a control worker has nobody else for that."""
        storage = self._storage
        if storage.settings.own_disks and not storage.audit.spool.is_empty:
            number = int(storage.hosts.own_id() or "0", 16)
            bring_in_spool(storage.engine, storage.audit, storage.settings.data_dir, number)
        return False

    def _reserve(self) -> bool:
        settings = self._storage.settings
        if not disk_reserve.release_if_full(settings.data_dir):
            disk_reserve.refill(settings.data_dir, settings.free_disk_mark_bytes)
        return False

    def _reconcile(self) -> bool:
        """At once after a crash of the database's server, else now and then."""
        recovery = self._storage.recovery
        if recovery.is_due or time.monotonic() >= self._reconcile_next_s:
            # The names of all volumes in the index are asked for once: it is a look at every row.
            # A run that fails waits as long as others.
            self._reconcile_next_s = time.monotonic() + _RECONCILE_EVERY_S
            recovery.run(thorough=not self._is_thorough_done)
            self._is_thorough_done = True
        return False

    def _learn_deletions(self) -> bool:
        """Where the bucket was away when the database was first seen."""
        storage, server = self._storage, self._storage.recovery.server
        if storage.settings.own_disks and server != self._deletions_learned_of:
            carry_out_copies(storage.engine, storage.objects)
            self._deletions_learned_of = server
        return False

    def _write_tombstones(self, now: datetime) -> bool:
        write_outstanding(self._storage.engine, self._storage.volumes, beside=now)
        return False

    def _purge(self) -> bool:
        storage = self._storage
        several = storage.settings.several_write_objects
        purged = purge(storage.engine, storage.objects, beside_others=several)
        return storage.settings.object_store == "s3" and bool(purged)

    def _upload(self) -> bool:
        storage = self._storage
        if storage.settings.object_store != "s3":
            return False
        if storage.settings.s3_layout == "volumes":
            return upload_volume(storage.engine, storage.volumes.folder, storage.objects)
        limit = _SETTLE_AT_ONCE
        copied = upload_instances(
            storage.engine,
            storage.instances,
            storage.objects,
            limit,
            storage.hosts,
            several_write_objects=storage.settings.several_write_objects,
        )
        return copied == limit

    def _copy_conflicts(self) -> bool:
        storage, limit = self._storage, _SETTLE_AT_ONCE
        if storage.settings.object_store != "s3":
            return False
        place = storage.engine, storage.volumes.folder, storage.objects
        return copy_conflicts(*place, limit, storage.hosts) == limit

    def _remove_copies_of_conflicts(self) -> bool:
        """All of them are compared with what waits."""
        if time.monotonic() >= self._conflicts_next_s:
            self._conflicts_next_s = time.monotonic() + _CONFLICTS_EVERY_S
            remove_left_copies(self._storage.engine, self._storage.objects)
        return False

    def _copy_deletions(self) -> bool:
        storage, settings = self._storage, self._storage.settings
        if settings.object_store != "s3":
            return False
        # Of single objects the volumes beside them know, unless those are another host's.
        if settings.s3_layout != "volumes" and not settings.own_disks:
            return False
        return bool(copy_deletions(storage.engine, storage.objects))

    def _compact(self, now: datetime, *, at_once: bool) -> bool:
        storage, settings = self._storage, self._storage.settings
        whole = settings.object_store == "s3" and settings.s3_layout == "volumes"
        bucket = storage.objects if whole else None
        folder, ratio = storage.volumes.folder, settings.compact_dead_ratio
        free_bytes = storage.volumes.free_bytes()
        is_short = free_bytes < settings.free_disk_mark_bytes
        evict_bytes = DiskMarks.of(settings, storage.volumes.disk_bytes()).evict_bytes
        if free_bytes < evict_bytes:
            ratio = min(ratio, SHORT_DEAD_RATIO)
        # Copies take room while the old files stay, and what arrives would be refused.
        grace_s = 0 if free_bytes < evict_bytes else settings.volume_grace_s
        remove_retired(storage.engine, folder, grace_s, now, bucket)
        interval_s = settings.compact_interval_s
        # What is deleted on a full disk is wanted back now.
        interval = timedelta(seconds=min(interval_s, _SHORT_OF_DISK_S) if is_short else interval_s)
        # A clock that was set back must not put it off.
        is_recent = self._compacted_at and timedelta() <= now - self._compacted_at < interval
        if is_recent and not at_once:
            return False
        self._compacted_at = now
        if bucket is not None:
            # On a short disk, too, only what is mostly dead: it frees the bucket alone.
            fetch_due(storage.engine, storage.volumes, bucket, settings.compact_dead_ratio)
        compact(storage.engine, storage.volumes, ratio, now, bucket, evict_bytes)
        return False

    def _limit_cache(self) -> bool:
        storage, settings = self._storage, self._storage.settings
        if settings.object_store == "s3" and settings.volume_cache_bytes:
            limit_cache(storage.engine, storage.volumes, settings.volume_cache_bytes)
        return False

    def _remove_left(self) -> bool:
        self._left.remove_some()
        return False

    def _digest_contents(self) -> bool:
        digest_contents(
            self._storage.engine, self._storage.instances, progress=self._digest_progress
        )
        return False

    def _note_disk(self, now: datetime) -> bool:
        self._storage.disk_samples.note(now, self._storage.volumes.free_bytes())
        return False

    def _repair_damaged(self) -> bool:
        self._repair.run()
        return False

    def _scrub_some(self, now: datetime) -> bool:
        if self._scrub is not None:
            self._scrub.tick(now)
        return False

    def _try(self, step: str, work: Callable[[], bool]) -> bool:
        try:
            more = work()
        except MediViewError as error:
            self._failed(step, error)
            return False
        self._recovered(step)
        return more

    def _failed(self, step: str, error: MediViewError) -> None:
        if step not in self._out:
            self._out.add(step)
            log.error("housekeeping_failed", step=step, error=error.code)

    def _recovered(self, step: str) -> None:
        if step in self._out:
            self._out.discard(step)
            log.info("housekeeping_recovered", step=step)
