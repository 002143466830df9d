"""Commands over the modality worklist."""

import argparse
import json
import sys
from itertools import islice
from pathlib import Path

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import FILTERS, LIMIT, argument, command, filters_of
from mediview_client.cli.output import Output


@command("worklist", "list", "List what is scheduled.", FILTERS, LIMIT)
def list_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("worklist_item_id", "accession_number", "patient_name", "patient_id", "state")
    out.many(islice(node.worklist.search(**filters_of(given)), given.limit), *fields)


@command(
    "worklist",
    "add",
    "Schedule what a JSON file says.",
    argument("file", "As docs/api.md has it; - reads the standard input."),
)
def add_to_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    text = sys.stdin.read() if given.file == "-" else Path(given.file).read_text()
    out.one(node.worklist.add(json.loads(text)), "worklist_item_id", "state")


@command("worklist", "remove", "Take an item out.", argument("item", "Its id."))
def remove_from_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    node.worklist.remove(given.item)
    out.line({"removed": given.item}, f"{given.item} is removed.")
