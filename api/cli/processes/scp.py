"""`mediview scp`: the DICOM side."""

import threading
from functools import partial

from api.cli.starting import start_role
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.maintenance.own_folder import keeping_own_folder
from storage.settings import Settings

_HEARTBEAT_S = 5.0


def scp() -> None:
    """Receive studies by DICOM."""
    from dicom_node.server.processes import run_scp

    settings = start_role()
    run_scp(settings, partial(_beat, settings))


def _beat(settings: Settings, ended: threading.Event) -> None:
    """A sign of life for processes on other machines, which don't know this one's address."""
    while not ended.wait(1.0):
        try:
            with open_storage(settings) as storage, keeping_own_folder(storage):
                while not ended.is_set():
                    storage.heartbeats.beat("scp", utcnow())
                    ended.wait(_HEARTBEAT_S)
        except MediViewError:
            # The database is away; receiving itself tells of it. Try again.
            continue
