"""Which requests a peer's rights decide on: all but what the node itself has asked for."""

from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.authorization import PeerRights, restrict
from dicom_node.network.command_set import Command, CommandSet

N_GET_RQ = 0x0110


@pytest.mark.parametrize(
    ("command_field", "is_served"),
    [(Command.C_FIND_RQ, True), (Command.N_EVENT_REPORT_RQ, True), (N_GET_RQ, False)],
    ids=["with its right", "an answer to the node", "without any right of its own"],
)
def test_a_command_is_served_by_its_right_alone(command_field: int, is_served: bool) -> None:
    handler, sent = Mock(), Mock()
    served: dict[int, Any] = {}
    association = SimpleNamespace(
        handlers={command_field: handler},
        store_receiver=None,
        serve_with=served.update,
        context=lambda _context_id: None,
        peer_ae_title="CT1",
        auditing=None,
        send_data=sent,
    )
    may_everything = cast(PeerRights, SimpleNamespace(may=lambda _action: True))
    restrict(cast(AcceptedAssociation, association), may_everything)
    command = CommandSet(command_field, 7, 0, False, None, "1.2.840.10008.1.1", "1.2.3")
    served[command_field].serve(1, command, None)
    assert handler.serve.called is is_served
    assert sent.called is not is_served
