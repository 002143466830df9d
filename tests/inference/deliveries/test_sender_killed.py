"""A process that is killed while it sends: what it was sending goes on soon, and says why."""

import socket
import time
from pathlib import Path

import pytest

from storage.outbox.leases import LEASE_S, OWNER_ENDED
from tests.inference.orchestration import receive, wait_for
from tests.inference.processes import workers_in
from tests.inference.small import mr_series, study_uid


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_deliveries_of_a_killed_worker_go_on_within_a_minute(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        destination = f"pacs=SILENT@127.0.0.1:{silent.getsockname()[1]}"
        with workers_in(tmp_path, destinations=destination, report_delivery="off") as workers:
            control, *_ = workers.start("control", "jobs", "beat")
            receive(workers.storage, mr_series("a"))

            def states() -> set[tuple[str, str]]:
                found = workers.storage.deliveries.of_study(study_uid("a"))
                return {(one.state, one.last_error) for one in found}

            wait_for(lambda: states() == {("SENDING", "")}, "the sending")
            workers.kill_all_of(control)
            killed_s = time.monotonic()
            workers.start("control")
            wait_for(lambda: states() == {("SENDING", OWNER_ENDED)}, "another sender")
            assert time.monotonic() - killed_s < 2 * LEASE_S
