"""Which processes wait where the processors have more to do than they can."""

import os

_NICE = 5


def give_way() -> None:
    """Let this process have a third of what another one gets where both want a processor.

    For what strangers may keep busy: modalities store, and pipelines run, before it.
    """
    os.nice(_NICE)
