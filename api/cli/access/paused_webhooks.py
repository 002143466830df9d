"""What ends with a key or an account."""

from collections.abc import Sequence

from api.cli.console import counted, out
from storage.webhooks.owner_ends import EndedOwner
from storage.webhooks.repository import Webhooks


def print_paused(webhooks: Webhooks, ended: Sequence[EndedOwner]) -> None:
    """Webhooks and subscriptions that were active until now."""
    addresses = [webhooks.get(hook).url for one in ended for hook in one.webhook_ids]
    if not addresses:
        return
    out.print(
        f"{counted(len(addresses), 'webhook')} paused with it, which an administrator may turn on"
        f" again as an own one: {', '.join(addresses)}.",
        markup=False,
        soft_wrap=True,
    )
