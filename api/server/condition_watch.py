"""Health as events: what `/health` finds wrong for a while is announced, and that it is over."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.server.schemas import Health
from inference.failures import place
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.processes.conditions import Condition, NodeConditions
from storage.settings import Settings

log = structlog.get_logger(__name__)

_EVERY_S = 30.0
# A look may wait for a receiver that hangs, and the process has to end.
_ENDS_WITHIN_S = 2.0
_KIND = "health"
# It is about the process that was asked, of which there are several.
_OF_PROCESSES = frozenset({"open_files"})


def note_health(settings: Settings, node_conditions: NodeConditions, health: Health) -> int:
    """Announce parts that have not worked for `health_after_s`, and those that work again.

    How many events came of it. Raises StorageUnavailable.
    """
    bad = [name for name, part in _parts(health).items() if not part]
    return node_conditions.observe(
        _KIND,
        [_part(name, "degraded") for name in bad],
        utcnow(),
        after_s=settings.health_after_s,
        end_of=lambda name: _part(name.partition(":")[2], "restored"),
    )


def _parts(health: Health) -> Mapping[str, bool]:
    return {name: part.ok for name, part in health.parts.items() if name not in _OF_PROCESSES}


def _part(name: str, change: str) -> Condition:
    return Condition(f"{_KIND}:{name}", "node", {"change": change, "part": name})


@contextmanager
def watching(
    settings: Settings,
    node_conditions: NodeConditions,
    run_checks: Callable[[], Health],
    also: Callable[[], None],
) -> Iterator[None]:
    """Look every half a minute, and do something `also`, in a thread, until the block ends."""
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(_EVERY_S):
            try:
                with as_node():
                    note_health(settings, node_conditions, run_checks())
                    also()
            except (MediViewError, SQLAlchemyError, OSError) as error:
                # The database is away: there is nowhere to write what is wrong.
                log.warning("health_not_noted", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the next look may work
                cause = type(error).__name__
                log.error("health_watch_failed", error=cause, place=place(error))

    thread = threading.Thread(target=watch, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_ENDS_WITHIN_S)
