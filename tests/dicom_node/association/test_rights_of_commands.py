"""Which requests a peer's rights decide on: all but what the node itself has asked for."""

from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from dicom_node.association import authorization
from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.authorization import PeerRights, narrow, restrict
from dicom_node.network.command_set import Command, CommandSet
from storage.core.callers.visibility import Visibility, current_visibility

N_DELETE_RQ = 0x0150


@pytest.mark.parametrize(
    ("command_field", "is_served"),
    [(Command.C_FIND_RQ, True), (Command.N_EVENT_REPORT_RQ, True), (N_DELETE_RQ, False)],
    ids=["with its right", "an answer to the node", "without any right of its own"],
)
def test_a_command_is_served_by_its_right_alone(command_field: int, is_served: bool) -> None:
    handler, sent = Mock(), Mock()
    served: dict[int, Any] = {}
    restrict(association_of(command_field, handler, served, sent), MAY_EVERYTHING)
    served[command_field].serve(1, command_of(command_field), None)
    assert handler.serve.called is is_served
    assert sent.called is not is_served


MAY_EVERYTHING = cast(PeerRights, SimpleNamespace(may=lambda _action: True, peer=None))
OURS = Visibility("peer:ct1", (1, 3), sees_unmatched=True)


def association_of(
    command_field: int, handler: Mock, served: dict[int, Any], sent: Mock
) -> AcceptedAssociation:
    association = SimpleNamespace(
        served=frozenset({command_field}),
        make_handlers=lambda: {command_field: handler},
        store_receiver=None,
        serve_with=lambda _, make: served.update(make()),
        context=lambda _context_id: None,
        peer_ae_title="CT1",
        auditing=None,
        send_data=sent,
    )
    return cast(AcceptedAssociation, association)


def command_of(command_field: int) -> CommandSet:
    return CommandSet(command_field, 7, 0, False, None, "1.2.840.10008.1.1", "1.2.3")


@pytest.mark.parametrize("visibility", [OURS, None], ids=["enforced", "not enforced"])
@pytest.mark.parametrize(
    ("command_field", "is_served", "is_narrowed"),
    [
        (Command.C_FIND_RQ, True, True),
        (Command.N_GET_RQ, True, True),
        (Command.N_ACTION_RQ, True, False),
        (N_DELETE_RQ, False, False),
    ],
    ids=["narrowed", "of workitems", "that decides by itself", "that nobody has thought of"],
)
def test_a_command_that_nobody_has_narrowed_is_refused_while_groups_are_enforced(
    command_field: int,
    is_served: bool,
    is_narrowed: bool,
    visibility: Visibility | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authorization, "visibility_of", lambda _engine, _caller: visibility)
    eyes: list[Visibility | None] = []
    handler, sent = Mock(), Mock()
    handler.serve.side_effect = lambda *_request: eyes.append(current_visibility())
    served: dict[int, Any] = {}
    narrow(association_of(command_field, handler, served, sent), Mock(), MAY_EVERYTHING)
    served[command_field].serve(1, command_of(command_field), None)
    assert eyes == (
        [visibility if is_narrowed else None] if is_served or visibility is None else []
    )
    assert sent.called is (visibility is not None and not is_served)
