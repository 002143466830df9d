"""What ends with a key or an account."""

from collections.abc import Sequence

from api.cli.console import counted, out


def print_paused(addresses: Sequence[str]) -> None:
    """Webhooks and subscriptions that were active until now."""
    if not addresses:
        return
    out.print(
        f"{counted(len(addresses), 'webhook')} paused with it, which an administrator may turn on"
        f" again as an own one: {', '.join(addresses)}.",
        markup=False,
        soft_wrap=True,
    )
