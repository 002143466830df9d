"""Commands over webhooks."""

import argparse

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import argument, command
from mediview_client.cli.output import Output


@command("webhooks", "list", "List webhooks.")
def list_webhooks(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.webhooks.all(), "webhook_id", "url", "events", "is_active")


@command(
    "webhooks",
    "add",
    "Add a webhook, and print the secret that signs its notices.",
    argument("url", "Where notices go."),
    argument("events", "Such as job.completed or report.*.", nargs="+"),
)
def add_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.webhooks.add(given.url, given.events), "webhook_id", "secret")


@command("webhooks", "ping", "Send a test notice.", argument("webhook", "Its id."))
def ping_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    pinged = node.webhooks.ping(given.webhook)
    out.one(pinged, *pinged)


@command("webhooks", "remove", "Remove a webhook.", argument("webhook", "Its id."))
def remove_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    node.webhooks.remove(given.webhook)
    out.line({"removed": given.webhook}, f"{given.webhook} is removed.")
