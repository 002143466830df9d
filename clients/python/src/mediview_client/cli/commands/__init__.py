"""The commands: what each takes, and what it asks the node."""

from mediview_client.cli.commands import (
    events,
    findings,
    jobs,
    models,
    reports,
    rules,
    studies,
    webhooks,
    worklist,
)
from mediview_client.cli.commands.registration import COMMANDS, GROUPS

# A module registers its commands as it is imported.
__all__ = [
    "COMMANDS",
    "GROUPS",
    "events",
    "findings",
    "jobs",
    "models",
    "reports",
    "rules",
    "studies",
    "webhooks",
    "worklist",
]
