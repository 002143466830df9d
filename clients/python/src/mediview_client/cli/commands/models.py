"""Commands over models."""

import argparse

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import argument, command
from mediview_client.cli.output import Output

_MODEL_FIELDS = ("name", "version", "state", "ready", "pipelines")


@command("models", "list", "List the models and their states.")
def list_models(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.models.all(), *_MODEL_FIELDS)


@command("models", "show", "Show all versions of a model.", argument("model", "Its name."))
def show_model(node: MediView, given: argparse.Namespace, out: Output) -> None:
    found = node.models.get(given.model)
    if out.as_json:
        out.one(found)
    else:
        out.many(found["versions"], *_MODEL_FIELDS)
