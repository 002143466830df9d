"""An HL7 system that takes messages and never answers, beside one that does."""

import socket
from pathlib import Path

from inference.reports.export.hl7_delivery import send_due
from inference.reports.export.publishing import publish_due
from tests.dicom_node.hl7.mllp import acknowledged, system
from tests.inference.reports.studies import drafted, measured_study, opened


def test_a_system_that_does_not_answer_is_asked_once_a_round(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        system(lambda message: acknowledged(message, "AA")) as (port, taken),
        opened(
            tmp_path,
            report_delivery="all",
            hl7_destinations=f"a=mllp://127.0.0.1:{silent.getsockname()[1]}"
            f",ris=mllp://127.0.0.1:{port}",
            # Long enough for the other system on a busy machine.
            hl7_timeout_s=3.0,
        ) as storage,
    ):
        for seed in (1, 2, 3):
            drafted(storage, measured_study(storage, seed=seed))
        publish_due(storage)
        assert send_due(storage, "w") == 3
        assert len(taken) == 3
        waiting = [one for one in storage.hl7_outbox.list()[0] if one.destination == "a"]
        assert sorted(one.attempts for one in waiting) == [0, 0, 1]
