"""Commands over events."""

import argparse

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import LIMIT, argument, command
from mediview_client.cli.output import Output

_OF_STUDY = argument("--study", "Of this study alone.")
_TYPES = argument("--type", "Such as job; repeatable.", action="append", default=[])


@command(
    "events",
    "follow",
    "Print what happens, until it is interrupted.",
    argument("--after", "Go on after this number.", type=int),
    _OF_STUDY,
    _TYPES,
)
def follow_events(node: MediView, given: argparse.Namespace, out: Output) -> None:
    for event in node.events.follow(
        after=given.after, study_instance_uid=given.study, types=given.type
    ):
        about = {"event_id": event.event_id, "type": event.type, "data": event.data}
        study, state = event.data.get("study_instance_uid", ""), event.data.get("state", "")
        out.line(about, f"{event.event_id}  {event.type}  {study}  {state}".rstrip())


@command(
    "events",
    "list",
    "List what happened after a number.",
    argument("--after", "This number.", type=int, default=0),
    _OF_STUDY,
    _TYPES,
    LIMIT,
)
def list_events(node: MediView, given: argparse.Namespace, out: Output) -> None:
    page = node.events.changes(
        after=given.after, study_instance_uid=given.study, types=given.type, limit=given.limit
    )
    out.many(page["items"], "event_id", "type", "study_instance_uid", "change", "state", "at")
