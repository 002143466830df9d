"""What an administrator's command makes in the data folder belongs to the node."""

import os
from contextlib import suppress
from pathlib import Path


def give_to_owner(made: Path | int, beside: Path) -> None:
    """Let a file, or the one that is open, belong to whom `beside` belongs to, where root made it:
    else the node could not open it.
    """
    if os.geteuid() == 0:
        # Some file systems and containers let nobody give files away; the command works there, too.
        with suppress(OSError):
            owner = beside.stat()
            os.chown(made, owner.st_uid, owner.st_gid)
