"""Names of hosts are looked at before a resolver is asked."""

import socket

import pytest

from storage.audit.sinks import read_address
from storage.core.errors import InvalidRequest, NotConfigured
from storage.core.untrusted_input.host_names import is_host_name
from storage.http.url_policy import addresses_of
from storage.settings import Settings
from storage.settings.deliveries import Destination

LONG = "a" * 64


@pytest.mark.parametrize(
    "name",
    ["localhost", "pacs_1.example.org.", "10.0.0.5", "::1", "fe80::1%eth0", "münchen.de", "a" * 63],
)
def test_hosts(name: str) -> None:
    assert is_host_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", ".a", LONG, f"x.{LONG}.y", "ab." * 90 + "c", "a b", "a\0", "\ud800"]
)
def test_what_is_no_host(name: str) -> None:
    assert not is_host_name(name)


def test_settings_name_the_value_whose_host_is_none() -> None:
    with pytest.raises(InvalidRequest, match="The host of 'pacs=PACS@aaa"):
        Destination.parse(f"pacs=PACS@{LONG}:104")
    with pytest.raises(NotConfigured, match="address of an audit repository"):
        read_address(f"{LONG}:6514")
    with pytest.raises(ValueError, match="the host of the HL7 destination 'ris' is not"):
        Settings(hl7_destinations=f"ris=mllp://{LONG}:2575")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="smtp_host is not a host name"):
        Settings(smtp_host=LONG, smtp_from="node@hospital.example")


def test_a_name_that_cannot_be_resolved_fails_like_one_that_leads_nowhere() -> None:
    with pytest.raises(socket.gaierror):
        addresses_of(LONG, 443)
