"""A host whose name no resolver takes is out of reach, and nothing worse."""

import socket

import pytest

from dicom_node.association.requestor import open_association
from dicom_node.hl7.framing import exchange
from dicom_node.peers import Peer, PeerFailed

LONG = "a" * 253


def test_a_dicom_peer_is_out_of_reach() -> None:
    with pytest.raises(PeerFailed, match="cannot be reached"):
        open_association(Peer("OLD", LONG, 104), "MEDIVIEW", [])


def test_an_hl7_system_is_out_of_reach() -> None:
    with pytest.raises(socket.gaierror):
        exchange((LONG, 2575), b"MSH|", 1.0)
