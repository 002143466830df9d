"""Commands over reports."""

import argparse
from itertools import islice
from pathlib import Path

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import FILTERS, LIMIT, argument, command, filters_of
from mediview_client.cli.output import Output


@command("reports", "list", "List reports, the last changed first.", FILTERS, LIMIT)
def list_reports(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("report_id", "study_instance_uid", "state", "version", "updated_at")
    out.many(islice(node.reports.search(**filters_of(given)), given.limit), *fields)


@command("reports", "show", "Print the text of a report.", argument("report", "Its id."))
def show_report(node: MediView, given: argparse.Namespace, out: Output) -> None:
    if out.as_json:
        out.one(node.reports.get(given.report))
    else:
        print(node.reports.text(given.report))


@command(
    "reports",
    "pdf",
    "Write a report as a PDF.",
    argument("report", "Its id."),
    argument("file", "Where to.", type=Path),
)
def write_pdf(node: MediView, given: argparse.Namespace, out: Output) -> None:
    given.file.write_bytes(node.reports.pdf(given.report))
    out.line({"file": str(given.file)}, f"{given.file} is written.")
