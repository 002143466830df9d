"""Where results go: each kind of destination is a file here and a line in `registry`."""

from inference.deliveries.destinations.protocol import (
    Destination,
    DestinationStorage,
    Outcome,
    TestResult,
)
from inference.deliveries.destinations.registry import (
    KINDS,
    address_of,
    checked_peer,
    kind_of,
    open_destination,
    probe_peer,
    read_address,
)

__all__ = [
    "KINDS",
    "Destination",
    "DestinationStorage",
    "Outcome",
    "TestResult",
    "address_of",
    "checked_peer",
    "kind_of",
    "open_destination",
    "probe_peer",
    "read_address",
]
