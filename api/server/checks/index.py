"""Whether the index takes changes."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from api.server.checks.exposure import Check
from api.server.health_sentences import sentence
from api.server.schemas import HealthPart
from storage.core.errors import MediViewError
from storage.db.commits_wait import OF_SERVERS, OF_SESSIONS, not_durable
from storage.db.schema import check_database
from storage.db.sqlite_files.log_recovery import LOST_CHANGES_REMEDY, lost_changes
from storage.db.sqlite_files.replacement import index_path
from storage.db.vacuum import not_vacuumed
from storage.db.write_check import WriteCheck, opened
from storage.recovery.schema_page import is_first_page_garbled
from storage.settings import Settings

LOCKED_S = 10.0
"""The node's own transactions are shorter; who wants to write waits for three times as long."""

_ANSWER_WITHIN_S = 2.0
# Monitors ask often.
_ASKED_EVERY_S = 5.0


@dataclass
class _Attempt:
    begun_s: float
    is_done: threading.Event = field(default_factory=threading.Event)
    has_lock: bool = False
    failure: str = ""


class IndexProbe:
    """Reports what becomes of a small change. Safe for threads.

    It is made by a thread of its own: a database that hangs must not take the asker with it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._check = WriteCheck(engine)
        self._lock = threading.Lock()
        self._attempt: _Attempt | None = None

    def failure(self, *, thoroughly: bool = False) -> str:
        """Why nothing can be written, with the remedy; empty where something can.

        `thoroughly`: a row is written in any case, and who asks waits until the answer is certain.
        """
        answer_within_s = LOCKED_S + 0.1 if thoroughly else _ANSWER_WITHIN_S
        attempt = self._look(answer_within_s, thoroughly=thoroughly)
        waits_s = time.monotonic() - attempt.begun_s
        if attempt.is_done.is_set() or waits_s < LOCKED_S:
            return attempt.failure
        return self._explain_wait(waits_s, has_lock=attempt.has_lock)

    def _look(self, answer_within_s: float, *, thoroughly: bool) -> _Attempt:
        with self._lock:
            attempt, now_s = self._attempt, time.monotonic()
            if attempt is None or (
                attempt.is_done.is_set() and now_s - attempt.begun_s > _ASKED_EVERY_S
            ):
                attempt = self._attempt = _Attempt(now_s)
                threading.Thread(
                    target=self._write, args=(attempt, thoroughly), daemon=True
                ).start()
        attempt.is_done.wait(max(0.0, attempt.begun_s + answer_within_s - time.monotonic()))
        return attempt

    def _write(self, attempt: _Attempt, thoroughly: bool) -> None:
        def note_lock() -> None:
            attempt.has_lock = True

        try:
            self._check.run(note_lock, thoroughly=thoroughly)
        except MediViewError as error:
            attempt.failure = f"{error.message} {error.remedy}".strip()
        except (SQLAlchemyError, OSError) as error:
            attempt.failure = f"A change of the index failed: {type(error).__name__}."
        finally:
            attempt.is_done.set()

    def _explain_wait(self, waits_s: float, *, has_lock: bool) -> str:
        if self._engine.dialect.name != "sqlite":
            return (
                f"A small change of the database has not ended after {waits_s:.0f} s. Whatever"
                " arrives waits for it. Look for what it waits for (pg_stat_activity, pg_locks),"
                " and at the server's disk."
            )
        if has_lock:
            # The disk is slow, and has a part of its own.
            return ""
        return sentence("index_locked", seconds=f"{waits_s:.0f}")


def database_check(settings: Settings) -> Check:
    """Whether the database is there as needed, whole, and takes changes."""
    url = make_url(settings.resolved_database_url).render_as_string(hide_password=True)
    path = index_path(settings)
    # Looked at first: who closes it last writes the page again from the log.
    is_garbled = path is not None and is_first_page_garbled(path)
    try:
        check_database(settings.resolved_database_url)
    except MediViewError as error:
        return Check("database", "fail", f"{url}: {error.message}", error.remedy)
    except (SQLAlchemyError, OSError):
        return Check(
            "database",
            "fail",
            f"{url} does not answer",
            "Start it, or check MEDIVIEW_DATABASE_URL.",
        )
    if is_garbled:
        return Check(
            "database",
            "fail",
            f"{url}: the first page of the file is garbled on disk; its write-ahead log has it yet",
            "Check the disk, which changed bytes. Leave the log where it is, stop the node and run"
            " 'mediview storage repair', which looks at every page and writes this one again.",
        )
    if path is not None and (lost := lost_changes(path)):
        return Check("database", "fail", f"{url}: {lost}", LOST_CHANGES_REMEDY)
    with opened(settings.resolved_database_url) as engine:
        failure = IndexProbe(engine).failure(thoroughly=True) or not_durable(
            engine, (*OF_SESSIONS, *OF_SERVERS)
        )
    if failure:
        return Check("database", "fail", f"{url}: {failure}")
    return Check("database", "ok", f"{url}, schema current, takes changes")


def vacuum_check(engine: Engine) -> Iterator[Check]:
    """Of PostgreSQL alone: whether dead rows are cleared away."""
    if engine.dialect.name == "sqlite":
        return
    wrong = not_vacuumed(engine)
    if wrong:
        yield Check("vacuum", "fail", wrong)
    else:
        yield Check("vacuum", "ok", "dead rows are cleared away")


def warn_of_dead_rows(engine: Engine) -> HealthPart:
    """That nothing is refused for, yet."""
    return HealthPart(ok=True, detail=not_vacuumed(engine))
