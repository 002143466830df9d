"""HL7 systems that answer late or never, beside one that answers at once."""

import socket
import threading
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


def test_a_system_that_answers_late_holds_up_no_other(tmp_path: Path) -> None:
    """As one that lets almost all of its time pass for each message, and accepts it then."""
    all_taken = threading.Event()

    def late(message: bytes) -> bytes | None:
        return acknowledged(message, "AA") if all_taken.wait(60) else None

    def at_once(message: bytes) -> bytes:
        if len(taken) >= 3:
            all_taken.set()
        return acknowledged(message, "AA")

    with (
        system(late) as (late_port, _),
        system(at_once) as (port, taken),
        opened(
            tmp_path,
            report_delivery="all",
            hl7_destinations=f"a=mllp://127.0.0.1:{late_port},ris=mllp://127.0.0.1:{port}",
            hl7_timeout_s=30.0,
        ) as storage,
    ):
        for seed in (1, 2, 3):
            drafted(storage, measured_study(storage, seed=seed))
        publish_due(storage)
        assert send_due(storage, "w") == 6
        assert all_taken.is_set()
        assert {one.state for one in storage.hl7_outbox.list()[0]} == {"ACCEPTED"}
