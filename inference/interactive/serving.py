"""What a worker's process does for one session, from its claim to its end.

It waits for changes in the session's row, and answers there: the API may be on another host.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from inference import auditing
from inference.failures import explain, place
from inference.interactive.accepting import AcceptingStorage, save_accepted
from inference.interactive.clicking import Clicking, clicking
from inference.interactive.grid import grid_of
from inference.interactive.initial_mask import InitialMasks
from inference.interactive.loaded_series import LoadedSeries, load_series
from inference.interactive.mask_bits import mask_bits
from inference.interactive.models import ClickModel, click_model_named, click_models
from inference.machine_memory import anonymous_memory_bytes
from inference.model_registry.sharing import SharingStorage, fetch_models
from inference.model_registry.verification import ensure_proven
from inference.model_servers.gate import GateStorage, guarded
from inference.models.devices import with_fallback
from inference.unscheduled_jobs import unscheduled_job
from storage.container.has import HasInteractiveSessions, HasModelStates
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import MediViewError, NotFound
from storage.db.due.commit_watch import CommitWatch
from storage.interactive.entities import InteractiveSession, SessionProblem
from storage.interactive.repository import InteractiveSessions
from storage.processes.descendants import end_below
from storage.settings import Settings

log = structlog.get_logger(__name__)

# After a commit the row is looked at so often; where commits are seen, much less without one.
_LOOK_S, _SETTLE_S, _IDLE_LOOK_S = 0.04, 2.0, 1.0
_RENEW_S = 2.4
_OVER_S = 60.0
"""A session that is over is computed on for as long at most: it counts as none any more."""
_OPENING_CLICKS = 10
"""To load the series and the model, or to save a mask, may take as long as so many clicks."""


class SessionStorage(
    AcceptingStorage, GateStorage, SharingStorage, HasModelStates, HasInteractiveSessions, Protocol
):
    """What of the storage layer a session is served with."""


def serve_sessions(storage: SessionStorage, owner: str, stopping: Callable[[], bool]) -> None:
    """Serve sessions, one after another, until nobody waits for one."""
    while not stopping():
        session = storage.interactive_sessions.claim(owner, utcnow())
        if session is None:
            return
        _serve(storage, session, owner, stopping)


def _serve(
    storage: SessionStorage, session: InteractiveSession, owner: str, stopping: Callable[[], bool]
) -> None:
    sessions, session_id = storage.interactive_sessions, session.session_id
    log.info("interactive_session_begun", session_id=session_id, pipeline=session.pipeline)
    with _Guard(storage.settings, sessions, session_id, owner) as guard:
        try:
            reason = _Served(storage, session, owner, guard).until_its_end(stopping)
        except Exception as error:  # noqa: BLE001 - the edge of a session: every failure ends it
            reason = explain(error).sentence
            log.warning(
                "interactive_session_failed",
                session_id=session_id,
                error=type(error).__name__,
                place=place(error),
            )
        sessions.end(session_id, reason)
    log.info("interactive_session_ended", session_id=session_id)


class _Served:
    """One session with its series and model in memory."""

    def __init__(
        self, storage: SessionStorage, session: InteractiveSession, owner: str, guard: "_Guard"
    ) -> None:
        self._storage = storage
        self._sessions = storage.interactive_sessions
        self._session = session
        self._owner = owner
        self._guard = guard
        self._mask: NDArray[np.bool_] | None = None
        self._mask_number = 0
        self._initial = InitialMasks(storage)

    def until_its_end(self, stopping: Callable[[], bool]) -> str:
        """Why it ended. Raises what stands in the way of its opening."""
        settings, session = self._storage.settings, self._session
        with self._guard.busy("opening", _OPENING_CLICKS):
            model = self._model()
            auditing.series_read(self._storage.audit, _as_job(session))
            loaded = load_series(
                self._storage.index,
                self._storage.instances,
                session.study_instance_uid,
                session.series_instance_uid,
                model,
            )
            ensure_proven(self._storage.model_states, model.self_tested)
            clicks = clicking(model, loaded.volume, settings.torch_threads)
        self._sessions.opened(session.session_id, self._owner, grid_of(loaded.volume))
        watch = CommitWatch(
            self._storage.engine, busy_s=_LOOK_S, settle_s=_SETTLE_S, idle_s=_IDLE_LOOK_S
        )
        try:
            while not stopping():
                now = self._sessions.look(session.session_id, self._owner)
                if now is None:
                    return "It was ended."
                if now.answered < now.wanted:
                    self._answer(now, clicks, loaded)
                    watch.stay_busy()
                elif now.acceptance is not None:
                    self._accept(now, model, loaded)
                idle_s = (utcnow() - now.used_at).total_seconds()
                if not now.is_waiting and idle_s > settings.interactive_idle_s:
                    return f"Nobody clicked for {settings.interactive_idle_s:g} s."
                watch.wait()
        finally:
            watch.close()
        return "The worker that had the series in memory was stopped."

    def _model(self) -> ClickModel:
        """As it is on this host; what another one was given is fetched first."""
        wanted = (self._session.pipeline, self._session.pipeline_version)
        try:
            return click_model_named(click_models(self._storage.settings), *wanted)
        except NotFound:
            fetch_models(self._storage)
        return click_model_named(click_models(self._storage.settings), *wanted)

    def _answer(self, session: InteractiveSession, clicks: Clicking, loaded: LoadedSeries) -> None:
        begun = time.monotonic()
        try:
            with self._guard.busy("a click"), guarded(self._storage, session.study_instance_uid):
                initial = self._initial.read(session.initial, loaded.volume)
                mask, _ = with_fallback(
                    lambda: clicks.mask(
                        session.points, session.box, session.shapes, session.structure, initial
                    )
                )
            mask_place, packed = mask_bits(mask)
        except MediViewError as error:
            self._mask = None
            problem = _problem(error)
            self._sessions.answer(session.session_id, self._owner, session.wanted, problem=problem)
            return
        self._mask, self._mask_number = mask, session.wanted
        self._sessions.answer(
            session.session_id,
            self._owner,
            session.wanted,
            mask=packed,
            mask_place=mask_place,
            voxels=int(np.count_nonzero(mask)),
            took_ms=round((time.monotonic() - begun) * 1000),
        )

    def _accept(self, session: InteractiveSession, model: ClickModel, loaded: LoadedSeries) -> None:
        acceptance = session.acceptance
        if acceptance is None:
            return
        mask = self._mask
        if mask is None or self._mask_number != session.answered:
            mask = np.zeros(loaded.volume.voxels.shape, np.bool_)
        try:
            with self._guard.busy("saving", _OPENING_CLICKS):
                job = save_accepted(self._storage, session, acceptance, model, loaded, mask)
        except MediViewError as error:
            self._sessions.not_saved(session.session_id, self._owner, _problem(error))
            return
        self._sessions.saved(session.session_id, self._owner, job.job_id)


@dataclass(frozen=True)
class _Busy:
    what: str
    since_s: float
    """Of the monotonic clock."""
    at_most_s: float


class _Guard:
    """A thread that renews the lease, and ends the process where a click takes too long or memory
    runs over: what computes in native code asks nobody whether it may go on."""

    def __init__(
        self, settings: Settings, sessions: InteractiveSessions, session_id: str, owner: str
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._session_id = session_id
        self._owner = owner
        self._ended = threading.Event()
        self._busy: _Busy | None = None
        self._thread = threading.Thread(target=self._run, name="session-guard", daemon=True)

    def __enter__(self) -> "_Guard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def busy(self, what: str, clicks: int = 1) -> Iterator[None]:
        """For as long as that many clicks may take."""
        at_most_s = clicks * self._settings.interactive_click_s
        self._busy = _Busy(what, time.monotonic(), at_most_s)
        try:
            yield
        finally:
            self._busy = None

    def _run(self) -> None:
        while not self._ended.wait(_RENEW_S):
            goes_on = self._renewed()
            # Whether the database answers or not: nobody else ends what takes too long.
            try:
                reason = self._why_to_end(goes_on)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: it judges again
                cause = type(error).__name__
                log.error("interactive_process_not_judged", error=cause, place=place(error))
                continue
            if reason:
                self._end(reason)
                log.error("interactive_process_ended", session_id=self._session_id)
                end_below(os.getpid())
                os.kill(os.getpid(), signal.SIGKILL)

    def _renewed(self) -> bool:
        """Whether the session goes on, as far as is known."""
        try:
            return self._sessions.renew(self._session_id, self._owner, utcnow())
        except MediViewError as error:
            log.warning("interactive_lease_not_renewed", error=error.code)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: it ends what takes too long
            cause = type(error).__name__
            log.error("interactive_lease_not_renewed", error=cause, place=place(error))
        return True

    def _end(self, reason: str) -> None:
        try:
            self._sessions.end(self._session_id, reason)
        except Exception as error:  # noqa: BLE001 - the process ends all the same; its lease runs out
            cause = type(error).__name__
            log.error("interactive_session_not_ended", error=cause, place=place(error))

    def _why_to_end(self, goes_on: bool) -> str:
        settings, busy = self._settings, self._busy
        if not goes_on and busy is not None and time.monotonic() - busy.since_s > _OVER_S:
            return "It was ended while the model was at work."
        if busy is not None and time.monotonic() - busy.since_s > busy.at_most_s:
            return (
                f"The model took longer than {busy.at_most_s:g} s over {busy.what}"
                " (MEDIVIEW_INTERACTIVE_CLICK_S)."
            )
        used, limit = anonymous_memory_bytes(os.getpid()), settings.interactive_memory_bytes
        if limit and used > limit:
            return (
                f"Its process took {used >> 20} MiB of memory; {limit >> 20} are allowed"
                " (MEDIVIEW_INTERACTIVE_MEMORY_BYTES)."
            )
        return ""


def _problem(error: MediViewError) -> SessionProblem:
    return {"code": error.code, "detail": error.message, "remedy": error.remedy}


def _as_job(session: InteractiveSession) -> Job:
    """The session as the audit trail names what reads a series."""
    return unscheduled_job(
        session.session_id,
        (session.pipeline, session.pipeline_version),
        session.study_instance_uid,
        session.series_instance_uid,
    )
