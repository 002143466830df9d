"""Who adds to a study over HTTP sees it, or began it."""

import pytest
from sqlalchemy import select

from storage import tables as t
from storage.access_groups.decisions import Decision
from storage.access_groups.senders import StudySenders
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.errors import NotFound, NotPermitted
from storage.core.uids import derive_uid
from storage.db.engine import reading
from storage.ingest.instance_stream import SPILL_BYTES
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")


@pytest.fixture
def groups(storage: Storage) -> tuple[int, int]:
    added = [storage.access_groups.add(name, rule=None) for name in ("North", "South")]
    return added[0].group_id, added[1].group_id


def member(group_id: int, name: str) -> Visibility:
    return Visibility(f"key:{name}", (EVERYONE, group_id), sees_unmatched=True)


def send(
    storage: Storage, visibility: Visibility | None, instance: str, study: str = "study"
) -> None:
    with limited_to(visibility):
        storage.ingest.accept(part10(study, instance=instance), "stow")


def give(storage: Storage, group_id: int) -> None:
    version = storage.access_decisions.rules_version()
    storage.access_decisions.decide(STUDY, Decision(version, (group_id,)))


def test_nobody_adds_to_a_study_of_other_groups_over_http(
    storage: Storage, groups: tuple[int, int]
) -> None:
    north, south = groups
    send(storage, None, "1")  # by a modality
    give(storage, south)
    send(storage, member(south, "theirs"), "2")
    stranger = member(north, "ours")
    with pytest.raises(NotPermitted, match="may not add"):
        send(storage, stranger, "3")
    with pytest.raises(NotPermitted):
        send(storage, stranger, "1")
    stream = storage.ingest.open_stream("stow")
    with limited_to(stranger):
        stream.write(memoryview(part10(instance="4", PixelData=bytes(SPILL_BYTES))))
        with pytest.raises(NotPermitted):
            stream.finish()
    for instance in ("3", "4"):
        with pytest.raises(NotFound):
            storage.index.instance(derive_uid("test", "study", "series", instance))
    # C-STORE is not asked, and where groups are not enforced nobody is.
    send(storage, None, "3")
    # Of another study everything is as before.
    send(storage, stranger, "5", "other")


def test_who_began_a_study_goes_on(storage: Storage, groups: tuple[int, int]) -> None:
    """A program that sends for a group to which it does not belong, one instance a request."""
    north, south = groups
    gateway, stranger = member(north, "gateway"), member(north, "stranger")
    send(storage, gateway, "1")
    # One that began it in the same moment comes later.
    StudySenders(storage.engine).note(stranger, STUDY)
    send(storage, stranger, "2")  # until a rule has decided nobody knows whose it is
    give(storage, south)
    send(storage, gateway, "3")
    with pytest.raises(NotPermitted):
        send(storage, stranger, "4")
    # What comes again under the UID is begun by who sends it then.
    storage.deletions.study(STUDY)
    with reading(storage.engine) as connection:
        assert connection.execute(select(t.study_sender)).first() is None
    send(storage, stranger, "5")
    give(storage, south)
    send(storage, stranger, "6")
    with pytest.raises(NotPermitted):
        send(storage, gateway, "7")
