"""Fill a node's index with an archive of some size, once."""

import math
import shutil
import time
from collections.abc import Callable

from sqlalchemy import Engine, text

from benchmarks.support.archive.instances import make_indexes, write_instances, write_volumes
from benchmarks.support.archive.plan import planned_studies
from benchmarks.support.archive.rows import write_archive
from storage.audit.chain import seal
from storage.audit.keys import keys_to_seal
from storage.core.clock import utcnow
from storage.db.engine import make_engine
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings

_FILLED = "bench_filled"


def fill_archive(
    settings: Settings,
    instances: int,
    note: Callable[[str], None],
    *,
    within_s: float = math.inf,
) -> int:
    """As far as an earlier run did not get; how many instances there are now."""
    upgrade(settings)
    engine = make_engine(settings.resolved_database_url)
    studies = list(planned_studies(instances))
    began_s = time.monotonic()

    def noted(what: str) -> None:
        free_gb = shutil.disk_usage(settings.data_dir).free / 1e9
        size_gb = _size_bytes(engine) / 1e9
        seconds = time.monotonic() - began_s
        note(f"{seconds:7.1f} s  {what}; index {size_gb:.2f} GB, {free_gb:.0f} GB free")

    try:
        write_archive(engine, studies, noted)
        total = write_instances(engine, studies, noted, began_s + within_s)
        noted(f"{total:,} instances in {len(studies):,} studies")
        make_indexes(engine, noted)
        if not _is_filled(engine):
            volumes = write_volumes(engine, settings.data_dir / "volumes", studies)
            noted(f"{volumes:,} volumes")
            keys = keys_to_seal(settings)
            while seal(engine, keys, utcnow()):
                pass
            noted("audit trail sealed")
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                is_sqlite = engine.dialect.name == "sqlite"
                connection.execute(text("ANALYZE" if is_sqlite else "VACUUM (FREEZE, ANALYZE)"))
                connection.execute(text(f"CREATE TABLE {_FILLED} (at TEXT)"))
            noted("analysed")
        return total
    finally:
        engine.dispose()


def _is_filled(engine: Engine) -> bool:
    sqlite = f"SELECT count(*) FROM sqlite_master WHERE name = '{_FILLED}'"
    postgresql = f"SELECT count(*) FROM pg_tables WHERE tablename = '{_FILLED}'"
    with engine.connect() as connection:
        query = sqlite if engine.dialect.name == "sqlite" else postgresql
        return bool(connection.execute(text(query)).scalar_one())


def _size_bytes(engine: Engine) -> int:
    sqlite = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    postgresql = "SELECT pg_database_size(current_database())"
    with engine.connect() as connection:
        query = sqlite if engine.dialect.name == "sqlite" else postgresql
        return int(connection.execute(text(query)).scalar_one())
