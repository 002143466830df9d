"""Commands over findings."""

import argparse

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import STUDY, argument, command
from mediview_client.cli.output import Output


@command("findings", "list", "List the findings of a study.", STUDY)
def list_findings(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("finding_id", "label", "value", "unit", "verification", "pipeline")
    out.many(node.findings.of_study(given.study), *fields)


@command(
    "findings",
    "feedback",
    "Say whether a finding is right.",
    argument("finding", "Its id."),
    argument("kind", "What you say.", choices=("ACCEPTED", "REJECTED")),
    argument("--reason", "Why.", default=""),
)
def give_feedback(node: MediView, given: argparse.Namespace, out: Output) -> None:
    feedback = node.findings.give_feedback(given.finding, given.kind, reason=given.reason)
    out.one(feedback, "kind", "given_by", "given_at")
