"""The tables whose rows are worked on under a lease."""

from storage import tables as t
from storage.outbox.leases import LeasedTable

JOBS = LeasedTable(t.job, until="lease_expires_at", waiting="SCHEDULED", working="IN PROGRESS")
DELIVERIES = LeasedTable(t.delivery)
HL7_MESSAGES = LeasedTable(t.hl7_message)
COMMITMENT_REPORTS = LeasedTable(
    t.commitment_report, waiting="DUE", working="DUE", counts_attempts=False
)
PEER_NOTIFICATIONS = LeasedTable(t.peer_notification)
SHADOW_RUNS = LeasedTable(t.shadow_run, until="not_before", waiting="WAITING", working="WAITING")
MODEL_TRIALS = LeasedTable(t.model_trial, until="not_before", waiting="waiting", working="running")
PRIOR_SEARCHES = LeasedTable(t.prior_search, working="RUNNING")
PRIOR_FETCHES = LeasedTable(t.prior_fetch, working="RUNNING")
PROJECT_EXPORTS = LeasedTable(t.project_export, working="RUNNING")
# One whose lease has ended is over, not due again: nobody else has the series in memory.
INTERACTIVE_SESSIONS = LeasedTable(
    t.interactive_session, until="lease_expires_at", waiting="", working="", counts_attempts=False
)
# Who joined another hub is served by one process of all.
JOINED_TOPICS = LeasedTable(
    t.fhircast_topic, until="lease_expires_at", waiting="", working="", counts_attempts=False
)
# Notices of one webhook are sent in order, so the webhook is leased, not its notices.
WEBHOOKS = LeasedTable(
    t.webhook, until="lease_expires_at", waiting="", working="", counts_attempts=False
)
# Reports to one subscriber are sent in order, so the subscriber is leased, not its reports.
SUBSCRIBERS = LeasedTable(t.subscriber, waiting="", working="")

ALL = (
    JOBS,
    DELIVERIES,
    HL7_MESSAGES,
    COMMITMENT_REPORTS,
    PEER_NOTIFICATIONS,
    SHADOW_RUNS,
    MODEL_TRIALS,
    PRIOR_SEARCHES,
    PRIOR_FETCHES,
    PROJECT_EXPORTS,
    INTERACTIVE_SESSIONS,
    JOINED_TOPICS,
    WEBHOOKS,
    SUBSCRIBERS,
)
