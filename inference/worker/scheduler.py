"""One round of the node's clock: complete, schedule, hand out what is due."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from inference.access_groups.service import apply_rules
from inference.annotations.feedback_reports import write_feedback_reports
from inference.failures import place
from inference.pipeline import Pipeline
from inference.prior_comparison import StoredComparisons
from inference.priors.triggers import want_for_orders
from inference.projects.added_by_rule import add_complete_study
from inference.rejection_notes.service import RejectionRounds
from inference.reports.critical import repeat_alerts
from inference.reports.due import FAILED_AGAIN_S as DRAFT_AGAIN_S
from inference.reports.due import draft_due
from inference.reports.export.publishing import REPORT_AGAIN_S, publish_due
from inference.retrospective_runs.rounds import work_on_runs
from inference.routing.rounds import RoutingRounds
from inference.rules.file import current_rules
from inference.scheduling.early_candidate import EarlyCandidate
from inference.scheduling.header_slices import HeaderSlices
from inference.scheduling.late_orders import look_at_late_orders
from inference.scheduling.new_results import look_for_results_again
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.series_roles import FAILED_AGAIN_S as ROLES_AGAIN_S
from inference.scheduling.series_roles import recognise_roles
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.scheduling.workitems import WorkitemPerformer
from inference.webhooks.watching import watch_waiting
from inference.withdrawals.late_instances import FAILED_AGAIN_S, withdraw_outdated
from inference.worker.due_work import DueWork, WakeUps
from storage.container import Storage
from storage.core.callers.turns import Turns
from storage.core.clock import CLOCKS_AGREE_WITHIN_S, ClockWatch, step_between, utcnow
from storage.core.errors import MediViewError
from storage.core.postponed import Postponed
from storage.db.clock_steps import ClockStep, move_waits, note_step
from storage.jobs.pending_series import undecided_series
from storage.processes.heartbeats import HANDLED

log = structlog.get_logger(__name__)

# After the first round, which looks at everything, only recent series can lack a decision.
_RECENT = timedelta(days=1)
_HEARTBEAT_S = 2.0
# Patients are corrected seldom, and what was made with priors is all looked at for it.
_PRIORS_S = 10.0
# What waits for hours is not looked for each second.
_WAITING_S = 15.0
_RULES_S = 1.0


class Scheduler:
    """Holds what one process remembers between rounds; a round never overlaps another."""

    def __init__(
        self,
        storage: Storage,
        *,
        pipelines: Sequence[Pipeline] | None,
        wake: WakeUps,
    ) -> None:
        self._storage = storage
        self._pipelines = pipelines
        self._due = DueWork(storage, wake)
        self._performer = WorkitemPerformer(storage, pipelines)
        self._running = threading.Lock()
        self._looked_at_everything = False
        self._rejections = RejectionRounds(storage)
        self._not_withdrawn = Postponed(FAILED_AGAIN_S)
        self._not_published = Postponed(REPORT_AGAIN_S)
        self._not_drafted = Postponed(DRAFT_AGAIN_S)
        self._roles_unread = Postponed(ROLES_AGAIN_S)
        self._routing = RoutingRounds(storage, partial(add_complete_study, storage))
        self._candidate = EarlyCandidate()
        self._slices = HeaderSlices()
        self._access_turns = Turns()
        self._watch = ClockWatch()
        self._clock_step = timedelta()
        self._beat_next_s = 0.0
        self._priors_next_s = 0.0
        self._waiting_next_s = 0.0
        self._owners_next_s = 0.0
        self._rules_next_s = 0.0

    def tick(self, now: datetime) -> bool:
        """Do one round; False where one is running already, which then does the work."""
        if not self._running.acquire(blocking=False):
            return False
        try:
            for step in (
                self._follow_clock,
                self._end_emergency_access,
                self._apply_access_rules,
                self._hide_rejected,
                self._withdraw,
                self._schedule,
                self._look_again,  # what is decided on now has found its own
                self._recognise_roles,
                self._route,
                self._want_priors,
                self._perform_workitems,
                self._write_feedback_reports,
                self._due.hand_out_jobs,
                self._due.hand_out_deliveries,  # results are there; reports of them take longer
                self._draft_reports,
                self._publish_reports,
                self._due.hand_out_deliveries,
                self._due.hand_out_hl7,
                self._watch_waiting,
                self._pause_webhooks,
                self._due.hand_out_notices,
                self._due.hand_out_priors,
                self._due.hand_out_exports,
                self._due.hand_out_ups_sources,
                self._due.hand_out_language,
                self._due.hand_out_traces,
                self._read_early,  # last: it takes a while, and nothing waits for it yet
            ):
                self._try_step(step, now)
            self._say_handled()
        finally:
            self._running.release()
        return True

    def _try_step(self, step: Callable[[datetime], None], now: datetime) -> None:
        try:
            step(now)
        except Exception as error:  # noqa: BLE001 - the edge of a round: the next step may work
            log.error(
                "tick_step_failed",
                step=step.__name__.strip("_"),
                error=type(error).__name__,
                place=place(error),
            )

    def _follow_clock(self, _: datetime) -> None:
        """What waits for a time of day must not wait for longer because somebody set the clock."""
        now = utcnow()
        # Added up until it was written: the database may be away just now.
        self._clock_step += self._watch.step(now, time.monotonic())
        if not self._beat_next_s:
            # The first round of this process: while there was none, the clock may have been set.
            last = self._storage.heartbeats.last(HANDLED)
            self._clock_step = (
                timedelta() if last is None else min(timedelta(), step_between(last, now))
            )
        step = self._clock_step
        if not step:
            return
        # What was recent is long ago now, or the other way round.
        self._looked_at_everything = False
        self._rejections.look_at_everything()
        self._routing.look_at_everything()
        if abs(step) > timedelta(seconds=CLOCKS_AGREE_WITHIN_S):
            note_step(self._storage.engine, ClockStep(now, step))
        waits = move_waits(self._storage.engine, -step, now) if step < timedelta() else 0
        self._clock_step = timedelta()
        log.warning("clock_set", seconds=round(step.total_seconds()), waits=waits)

    def _say_handled(self) -> None:
        """A tick that was sent says nothing of what came of it."""
        if time.monotonic() < self._beat_next_s:
            return
        try:
            self._storage.heartbeats.beat(HANDLED, utcnow())
        except MediViewError as error:
            log.warning("tick_heartbeat_failed", error=error.code)
        self._beat_next_s = time.monotonic() + _HEARTBEAT_S

    def _end_emergency_access(self, now: datetime) -> None:
        self._storage.emergency_access.remove_expired(now)

    def _apply_access_rules(self, now: datetime) -> None:
        """Before scheduling: what comes of a study is shown to those who may see it."""
        try:
            apply_rules(self._storage, now, turns=self._access_turns)
        finally:
            # Counted from its end: a second may not be enough for it while the database is slow.
            self._rules_next_s = time.monotonic() + _RULES_S

    def _show_meanwhile(self) -> None:
        """Of hundreds of series that a round completes and offers none keeps a study that has
        just come from those who may see it."""
        if time.monotonic() < self._rules_next_s:
            return
        self._try_step(self._apply_access_rules, utcnow())

    def _hide_rejected(self, now: datetime) -> None:
        """Before withdrawing: what was made of rejected instances is withdrawn in this round."""
        self._rejections.round(now)

    def _withdraw(self, now: datetime) -> None:
        """Before scheduling: a series that changed and completed again is found either way."""
        since = now - _RECENT if self._looked_at_everything else None
        of_priors = time.monotonic() >= self._priors_next_s
        withdraw_outdated(self._storage, now, since, self._not_withdrawn, of_priors=of_priors)
        if of_priors:
            self._priors_next_s = time.monotonic() + _PRIORS_S

    def _schedule(self, now: datetime) -> None:
        since = now - _RECENT if self._looked_at_everything else None
        complete_and_schedule(
            self._storage,
            now,
            self._pipelines,
            since,
            self._candidate,
            self._slices,
            self._show_meanwhile,
        )
        # A round takes a few: what is left of long ago is looked for until there is none.
        self._looked_at_everything = self._looked_at_everything or not undecided_series(
            self._storage.engine, 1
        )

    def _look_again(self, now: datetime) -> None:
        look_for_priors_again(self._storage, now, self._pipelines)
        look_for_results_again(self._storage, now, self._pipelines)
        look_at_late_orders(self._storage, now, self._pipelines)
        work_on_runs(self._storage, now, self._pipelines)

    def _recognise_roles(self, _: datetime) -> None:
        """After scheduling, which completes series."""
        recognise_roles(self._storage, self._roles_unread)

    def _route(self, now: datetime) -> None:
        """After scheduling, which completes series."""
        self._routing.round(now)

    def _want_priors(self, _: datetime) -> None:
        """Of orders; of studies, routing does it, which looks at each series that completes."""
        want_for_orders(
            self._storage.peers,
            self._storage.prior_searches,
            self._storage.worklist,
            current_rules(self._storage.settings),
        )

    def _perform_workitems(self, now: datetime) -> None:
        """After scheduling: an order waits until its series was offered to every pipeline."""
        self._performer.round(now)

    def _write_feedback_reports(self, now: datetime) -> None:
        write_feedback_reports(self._storage, now, StoredComparisons(self._storage))

    def _read_early(self, _: datetime) -> None:
        series = self._due.woken_for or self._candidate.unfinished
        if series is None:
            self._candidate.forget_old()
        else:
            with self._storage.series_tries.trying(series):
                self._candidate.read(self._storage, series, self._pipelines)

    def _draft_reports(self, now: datetime) -> None:
        draft_due(self._storage, now, self._not_drafted)
        repeat_alerts(self._storage.settings, self._storage.critical_alerts, now)

    def _publish_reports(self, now: datetime) -> None:
        publish_due(self._storage, self._not_published)

    def _watch_waiting(self, now: datetime) -> None:
        if time.monotonic() >= self._waiting_next_s:
            watch_waiting(self._storage, now)
            self._waiting_next_s = time.monotonic() + _WAITING_S

    def _pause_webhooks(self, now: datetime) -> None:
        """Of keys that expired: what ends a key or an account otherwise pauses them itself."""
        if time.monotonic() >= self._owners_next_s:
            self._due.pause_webhooks(now)
            self._owners_next_s = time.monotonic() + _WAITING_S
