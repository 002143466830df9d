"""What `mediview doctor` says of who could reach what."""

from typing import Any

import pytest

from api.server.checks.exposure import check_hl7
from storage.settings import load_settings

OPEN = {"hl7_port": 2575, "hl7_host": "0.0.0.0", "trusted_network": True}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"hl7_host": "0.0.0.0"}, []),
        ({"hl7_port": 2575}, ["HL7 patients"]),
        ({"hl7_port": 2575, "patient_id_issuer": "HOSPITAL"}, []),
        (OPEN, ["HL7 patients", "HL7 senders"]),
        ({**OPEN, "patient_id_issuer": "H", "hl7_senders": "10.0.0.9"}, ["HL7 senders"]),
        ({**OPEN, "patient_id_issuer": "H", "hl7_allowed_networks": "10.0.0.0/24"}, []),
    ],
)
def test_an_hl7_listener_that_changes_nothing_or_takes_everybody_is_named(
    given: dict[str, Any], named: list[str]
) -> None:
    checks = list(check_hl7(load_settings(**given)))
    assert [one.name for one in checks] == named
    assert {one.state for one in checks} <= {"note"}
    assert all("MEDIVIEW_" in one.remedy for one in checks)
