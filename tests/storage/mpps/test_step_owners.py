"""Which procedure steps, orders and series a peer's announcements change, in both databases."""

import pytest

from storage.access_groups.entities import Member
from storage.access_groups.visibility import visibility_of
from storage.container import Storage
from storage.core.callers.visibility import Caller, limited_to
from storage.core.errors import NotFound, UidConflict
from storage.mpps.senders import Sender
from storage.peers.entities import KnownPeer

STUDY, SERIES = "1.2.3", "1.2.3.1"
EXPECTED = {SERIES: {"1.2.3.1.1"}}


def test_a_step_and_a_notice_belong_to_a_peer_and_its_groups(storage: Storage) -> None:
    groups = storage.access_groups
    groups.add("North")
    groups.add("South")
    for name, group in (("ct", "North"), ("broker", "North"), ("stranger", "South")):
        storage.peers.add(KnownPeer(name=name, ae_title=name.upper()))
        groups.add_member(group, Member("peer", name))
    groups.enforce(True)

    def may(name: str) -> list[bool]:
        sender = Sender(f"peer:{name}", name.upper())
        done = []
        with limited_to(visibility_of(storage.engine, Caller("peer", name))):
            for attempt in (
                lambda: storage.procedure_steps.of_sender("1.9", sender),
                lambda: storage.procedure_steps.of_sender("1.8", sender),
                lambda: storage.procedure_steps.notify("1.7", sender, STUDY, {}, EXPECTED),
            ):
                try:
                    attempt()
                except (NotFound, UidConflict):
                    done.append(False)
                else:
                    done.append(True)
        return done

    ct = Sender("peer:ct", "CT")
    storage.procedure_steps.create("1.9", ct, {}, {STUDY}, EXPECTED)
    # Of an earlier version.
    storage.procedure_steps.create("1.8", Sender("", "CT"), {}, {STUDY}, {})
    storage.procedure_steps.notify("1.7", ct, STUDY, {}, EXPECTED)
    assert may("stranger") == [False, False, False]
    assert may("ct") == [True, True, True]
    assert may("broker") == [True, True, True]
    with pytest.raises(NotFound):
        storage.procedure_steps.get("1.6")
