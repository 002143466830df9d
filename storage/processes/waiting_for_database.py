"""A process that starts before its database waits for it, and says so once."""

import structlog

from storage.core.data_folder import unfinished_restore
from storage.core.errors import StorageUnavailable
from storage.db.engine import make_engine
from storage.db.schema import check_schema
from storage.processes.stop_requests import StopRequests
from storage.settings import Settings

log = structlog.get_logger(__name__)

_TRY_EVERY_S = 1.0


def wait_for_database(settings: Settings, asked: StopRequests) -> bool:
    """Return once the database answers; False where the process is asked to end before.

    Call it in `asked.counting_signals()`. Neither a schema that is another than this version's
    is waited for nor a file, which would not come by itself, nor a restore that was cut off. Raises
    StorageUnavailable with what to do about it.
    """
    unfinished_restore.check(settings.data_dir)
    engine = make_engine(settings.resolved_database_url)
    is_logged = False
    try:
        while not asked.count:
            try:
                check_schema(engine)
            except StorageUnavailable as error:
                if error.__cause__ is None or engine.dialect.name == "sqlite":
                    raise
                if not is_logged:
                    log.warning("database_awaited", error=error.message, remedy=error.remedy)
                is_logged = True
                asked.pause(_TRY_EVERY_S)
            else:
                if is_logged:
                    log.info("database_answers")
                return True
        return False
    finally:
        engine.dispose()
