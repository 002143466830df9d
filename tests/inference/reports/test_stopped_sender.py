"""A sender of HL7 that stands still between its claim and its sending, longer than its lease."""

import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from inference.reports.export.hl7_delivery import send_due
from inference.reports.export.publishing import publish_due
from storage import tables as t
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.dicom_node.hl7.mllp import acknowledged, parsed, system
from tests.inference.reports.studies import drafted, measured_study, opened


def test_no_older_version_comes_after_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        # A connection may end without a byte.
        system(lambda message: acknowledged(message, "AA") if message else None) as (port, taken),
        opened(
            tmp_path, report_delivery="all", hl7_destinations=f"ris=mllp://127.0.0.1:{port}"
        ) as storage,
    ):
        report = drafted(storage, measured_study(storage))
        publish_due(storage)
        connect = socket.create_connection

        def stands_still(*arguments: Any, **named: Any) -> socket.socket:
            """As stopped by a signal, or with its machine, while others go on."""
            monkeypatch.setattr(socket, "create_connection", connect)
            with writing(storage.engine) as connection:
                ended = utcnow() - timedelta(seconds=1)
                connection.execute(update(t.hl7_message).values(next_attempt_at=ended))
            assert send_due(storage, "other") == 1
            storage.reports.move(report.report_id, 1, "final", of_account("dr-jones"))
            publish_due(storage)
            assert send_due(storage, "other") == 1
            return connect(*arguments, **named)

        monkeypatch.setattr(socket, "create_connection", stands_still)
        assert send_due(storage, "stopped") == 0
        states = {one.state for one in storage.hl7_outbox.list()[0]}
    statuses = [parsed(message).obr.obr_25.value for message in taken if message]
    assert statuses == ["P", "F"]
    assert states == {"ACCEPTED"}
