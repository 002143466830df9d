"""`mediview beat`: the clock that makes the node look at its ledger."""

from api.cli.starting import start_role


def beat() -> None:
    """Send the periodic tick."""
    from inference.worker.beat import run_beat

    run_beat(start_role())
