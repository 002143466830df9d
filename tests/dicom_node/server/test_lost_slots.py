"""An association whose slot went to another while a request of it was being answered."""

import math
import socket
from collections.abc import Iterator

import pytest
from pynetdicom.ae import ApplicationEntity
from structlog.testing import capture_logs

from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.server.lost_slots import end_where_lost


@pytest.fixture
def association() -> Iterator[AcceptedAssociation]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
        server.accept()[0] as ours,
    ):
        association = AcceptedAssociation(ApplicationEntity(), Timeouts(), lambda *_: None)
        association.connect(ours)
        association.host = "10.0.0.2"
        yield association


def test_it_is_ended_once_and_leaves_its_slot_alone(association: AcceptedAssociation) -> None:
    slots = ConnectionSlots(1)
    first = slots.take("10.0.0.2")
    assert first is not None
    association.occupy(slots, first)
    association._begin_serving()
    assert slots.last_active[0] == math.inf
    second = slots.take("10.0.0.1", is_peers_address=True)
    assert second is not None
    since = slots.last_active[0]
    with capture_logs() as logs:
        for _ in range(3):
            end_where_lost(association)
    assert [one["event"] for one in logs] == ["connection_gave_way"]
    association._end_serving()
    association._begin_serving()
    assert slots.last_active[0] == since
