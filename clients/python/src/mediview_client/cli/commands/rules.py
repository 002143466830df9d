"""Commands over the rules."""

import argparse
import json

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import STUDY, command
from mediview_client.cli.output import Output


@command("rules", "show", "Print the rules in force.")
def show_rules(node: MediView, given: argparse.Namespace, out: Output) -> None:
    print(json.dumps(node.http.get("/api/v1/rules"), indent=None if out.as_json else 2))


@command("rules", "explain", "Say what each pipeline and the rules say of a study.", STUDY)
def explain_rules(node: MediView, given: argparse.Namespace, out: Output) -> None:
    answered = node.http.get(f"/api/v1/studies/{given.study}/rules")["items"]
    out.many(answered, "pipeline", "series_instance_uid", "would_run", "reason")
