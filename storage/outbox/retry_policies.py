"""When a failed attempt is repeated, and when it is given up: one rule, settings for each kind."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.core.doubling_waits import doubled_wait_s
from storage.settings import Settings

Kind = Literal[
    "job",
    "job_outside_cause",
    "delivery",
    "hl7_message",
    "webhook_notice",
    "commitment_report",
    "peer_notification",
    "shadow_run",
    "model_server",
    "prior",
]

JITTER = 0.2


@dataclass(frozen=True)
class RetryPolicy:
    """The wait doubles with each failed attempt, from `base_s` up to `ceiling_s`.

    `attempts`: how many there are in all; None: without end.
    `give_up_s`: no attempt is repeated once the first lies further back than this.
    `jitter`: the share of a wait that chance may take off, so that what failed together
    does not come back together.
    """

    base_s: float
    ceiling_s: float
    attempts: int | None = None
    give_up_s: float | None = None
    jitter: float = JITTER

    def wait_s(self, failed: int) -> float:
        """Seconds until the next attempt after `failed` ones, counted from 1."""
        longest_s = doubled_wait_s(self.base_s, failed - 1, self.ceiling_s)
        return longest_s * random.uniform(1 - self.jitter, 1)  # noqa: S311 - no secret

    def is_spent(self, failed: int, now: datetime, since: datetime | None = None) -> bool:
        """Whether nothing is tried any more. `since`: when it was first to be tried."""
        if self.attempts is not None and failed >= self.attempts:
            return True
        return (
            self.give_up_s is not None
            and since is not None
            and since + timedelta(seconds=self.give_up_s) < now
        )

    def next_attempt(
        self, failed: int, now: datetime, since: datetime | None = None
    ) -> datetime | None:
        """When to try again; None: it is given up."""
        return None if self.is_spent(failed, now, since) else self.again_at(failed, now)

    def again_at(self, failed: int, now: datetime) -> datetime:
        """When the next attempt is, for what is never given up."""
        return now + timedelta(seconds=self.wait_s(failed))


_POLICIES: Mapping[Kind, Callable[[Settings], RetryPolicy]] = {
    "job": lambda settings: RetryPolicy(
        settings.job_retry_base_s, settings.job_retry_max_s, settings.job_max_attempts
    ),
    # A full disk or a database that is away is no fault of the job.
    "job_outside_cause": lambda settings: RetryPolicy(
        settings.job_outside_retry_s, settings.job_outside_retry_s
    ),
    "delivery": lambda settings: RetryPolicy(
        settings.delivery_retry_base_s, settings.delivery_retry_max_s
    ),
    "hl7_message": lambda settings: RetryPolicy(
        settings.hl7_retry_base_s or settings.delivery_retry_base_s,
        settings.hl7_retry_max_s or settings.delivery_retry_max_s,
        settings.hl7_max_attempts,
    ),
    "webhook_notice": lambda settings: RetryPolicy(
        settings.webhook_retry_base_s,
        settings.webhook_retry_max_s,
        settings.webhook_max_attempts,
        settings.webhook_give_up_s,
    ),
    "commitment_report": lambda settings: RetryPolicy(
        settings.commitment_retry_base_s or settings.delivery_retry_base_s,
        settings.commitment_retry_max_s or settings.delivery_retry_max_s,
    ),
    "peer_notification": lambda settings: RetryPolicy(
        settings.delivery_retry_base_s,
        settings.delivery_retry_max_s,
        give_up_s=settings.commitment_retention_s,
    ),
    "shadow_run": lambda settings: RetryPolicy(
        settings.shadow_retry_base_s, settings.shadow_retry_max_s, settings.shadow_max_attempts
    ),
    "model_server": lambda settings: RetryPolicy(
        settings.model_server_retry_base_s, settings.model_server_retry_max_s
    ),
    "prior": lambda settings: RetryPolicy(
        settings.prior_retry_base_s, settings.prior_retry_max_s, settings.prior_max_attempts
    ),
}


def retry_policy(settings: Settings, kind: Kind) -> RetryPolicy:
    """The policy of one kind; where a kind has no settings of its own, those of deliveries hold."""
    return _POLICIES[kind](settings)
