"""What `mediview doctor` says of who could reach what."""

from typing import Any

import pytest

from api.server.checks.exposure import check_hl7, check_public_address
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


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, "ok"),
        ({"auth": "required"}, "ok"),
        ({"auth": "required", "http_host": "0.0.0.0"}, "note"),
        ({"auth": "required", "trusted_proxies": "127.0.0.1"}, "note"),
        ({"auth": "required", "http_host": "0.0.0.0", "public_url": "https://n.example"}, "ok"),
    ],
)
def test_a_node_whose_address_is_taken_from_each_caller_is_named(
    given: dict[str, Any], state: str
) -> None:
    check = check_public_address(load_settings(**given))
    assert check.state == state
    assert ("MEDIVIEW_PUBLIC_URL" in check.remedy) == (state == "note")
