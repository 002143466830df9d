"""Bring database and bucket to this version, before a node starts."""

from pathlib import Path

from sqlalchemy import Engine, make_url, select

from storage import tables as t
from storage.core.data_folder import disk_reserve, private_folder, unfinished_restore
from storage.db.engine import make_engine, reading, writing
from storage.db.grants import grant_all
from storage.db.migrate import upgrade_schema
from storage.db.sqlite_files.replacement import finish
from storage.deletion.copies_in_bucket import carry_out_copies
from storage.hosts.repository import Hosts
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.reindex import note_copied_deletions
from storage.objects.opening import open_objects
from storage.processes.deletion_numbers import DeletionNumbers
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.reconciliation.refused_rows import try_refused_again
from storage.search.vectors import PassageVectors
from storage.settings import Settings


def upgrade(settings: Settings) -> int:
    """Make database and bucket ready, and index what a crash left unindexed.

    Returns how many index rows were restored. Safe to run at every start, and
    by several processes at once on PostgreSQL, whose migrations take a lock.
    """
    private_folder.prepare(settings.data_dir)
    unfinished_restore.check(settings.data_dir)
    disk_reserve.check_room(settings.data_dir)
    finish(settings)
    engine = make_engine(settings.resolved_database_url)
    try:
        upgrade_schema(engine)
        if settings.passage_search == "pgvector":
            PassageVectors(engine).prepare()
        if settings.object_store == "s3":
            from storage.objects.cross_origin import let_pages_in
            from storage.objects.s3 import S3Objects

            S3Objects(settings).create_bucket()
            let_pages_in(settings)
        volumes = settings.data_dir / "volumes"
        try_refused_again(engine, volumes)
        hosts = Hosts(
            engine,
            settings.data_dir,
            own_disks=settings.own_disks,
            free_disk_mark_bytes=settings.free_disk_mark_bytes,
        )
        if settings.own_disks:
            # The index is new, was lost, or put back: the host that deleted something may start
            # last. What is noted only is not carried out: not where there are rows, as in a backup
            # from before hosts were counted.
            objects = open_objects(settings)
            if not hosts.all() and not _has_instances(engine):
                note_copied_deletions(KnownDeletions(engine), objects)
            carry_out_copies(engine, objects)
        numbers = DeletionNumbers(engine) if settings.own_disks else None
        return CrashRecovery(engine, volumes, numbers, hosts.is_elsewhere).run(thorough=True)
    finally:
        engine.dispose()


def _has_instances(engine: Engine) -> bool:
    with reading(engine) as connection:
        return connection.execute(select(t.instance.c.id).limit(1)).first() is not None


def prepare_if_new(settings: Settings) -> None:
    """Make the database of SQLite where there is neither one nor a volume yet.

    So before the first start. An older one is left as it is: a node may be running on it.
    """
    path = make_url(settings.resolved_database_url).database
    if not settings.resolved_database_url.startswith("sqlite") or not path or Path(path).exists():
        return
    if not any((settings.data_dir / "volumes").glob("*.mvv")):
        upgrade(settings)


def grant_accounts(settings: Settings) -> list[str]:
    """Give each role's PostgreSQL account its rights; the accounts that there are."""
    engine = make_engine(settings.resolved_database_url)
    try:
        with writing(engine) as connection:
            return grant_all(connection)
    finally:
        engine.dispose()
