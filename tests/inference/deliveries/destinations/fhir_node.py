"""A node that writes to a FHIR server of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.deliveries.service import deliver_due
from storage.container import Storage
from storage.core.clock import utcnow
from storage.deliveries.listing import DeliveryFilter, retry_now
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.fhir_server import (
    FhirServer,
    fhir_server,
)
from tests.inference.deliveries.destinations.nodes import (
    deliveries,
    host_of,
    node,
)

SYSTEM = "https://hospital.example.org/mrn"
PATIENT = {"identifier": [{"system": SYSTEM, "value": "Q-4711"}]}


def peer_of(server: FhirServer, **changes: Any) -> KnownPeer:
    fields: dict[str, Any] = {
        "url": f"fhir+{server.url}",
        "fhir_version": server.version,
        "fhir_patient_systems": SYSTEM,
        "is_destination": True,
        **changes,
    }
    return KnownPeer("ehr", kind="fhir", **fields)


@contextmanager
def writing(
    folder: Path, version: str = "R4", settings: dict[str, Any] | None = None, **peer: Any
) -> Iterator[tuple[FhirServer, Storage]]:
    """A server that knows the patient, and a node that writes to it."""
    with fhir_server(version) as server:
        server.add("Patient", PATIENT)
        hosts = host_of(server.url)
        with node(folder, peer_of(server, **peer), fhir_hosts=hosts, **(settings or {})) as storage:
            yield server, storage


def deliver(storage: Storage) -> int:
    """Also what waits for another attempt."""
    retry_now(storage.engine, DeliveryFilter(state="PENDING"))
    return deliver_due(storage, utcnow(), "sender")


def state_of(storage: Storage, name: str = "a") -> set[tuple[str, str]]:
    return {(one.state, one.last_error) for one in deliveries(storage, name)}


def one_of(server: FhirServer, kind: str) -> Any:
    (found,) = server.of(kind)
    return found
