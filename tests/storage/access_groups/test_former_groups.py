"""What is deleted loses its groups: what comes again under its UID does not inherit them."""

from datetime import timedelta
from typing import Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from storage import tables as t
from storage.access_groups.decisions import Decision
from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import reading
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")
ORDER = {"StudyInstanceUID": STUDY, "AccessionNumber": "A-1"}


@pytest.fixture
def north(storage: Storage) -> Visibility:
    """A member of the group North."""
    storage.access_groups.add("North", rule={"InstitutionName": "North"})
    storage.access_groups.add_member("North", Member("account", "ada"))
    group_id = storage.access_groups.get("North").group_id
    return Visibility("account:ada", (EVERYONE, group_id), sees_unmatched=True)


def arrives_in(storage: Storage, visibility: Visibility) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.access_decisions.decide(STUDY, _for(storage, visibility))


def _for(storage: Storage, visibility: Visibility) -> Decision:
    return Decision(storage.access_decisions.rules_version(), visibility.group_ids[1:])


def rows(storage: Storage) -> list[str]:
    with reading(storage.engine) as connection:
        return list(connection.execute(select(t.study_group.c.study_instance_uid)).scalars())


def changes_seen_by(storage: Storage, visibility: Visibility) -> list[Any]:
    with limited_to(visibility):
        return [one.payload["change"] for one in storage.events.since(0)]


def test_a_study_that_comes_again_is_decided_on_from_the_beginning(
    storage: Storage, north: Visibility
) -> None:
    arrives_in(storage, north)
    storage.access_groups.assign("North", STUDY)
    with limited_to(north):
        assert storage.index.study(STUDY)
    storage.deletions.study(STUDY)
    assert storage.access_groups.of_study(STUDY) == {}
    assert storage.access_groups.get("North").study_count == 0
    storage.ingest.accept(part10(instance="other"), "stow")
    with limited_to(north):
        assert storage.index.study_count() == 0
    assert STUDY in storage.access_decisions.waiting(9)
    storage.access_decisions.decide(STUDY, Decision(storage.access_decisions.rules_version(), ()))
    assert storage.access_groups.of_study(STUDY) == {"everyone": "unmatched"}


def test_its_group_hears_that_it_was_deleted_and_nothing_of_what_comes_again(
    storage: Storage, north: Visibility
) -> None:
    arrives_in(storage, north)
    storage.deletions.study(STUDY)
    assert changes_seen_by(storage, north)[-1] == "study_deleted"
    stranger = Visibility("account:eve", (EVERYONE,), sees_unmatched=True)
    assert "study_deleted" not in changes_seen_by(storage, stranger)
    storage.ingest.accept(part10(instance="other"), "stow")
    storage.events.announce("study", {"change": "again"}, STUDY)
    assert changes_seen_by(storage, north)[-1] == "study_deleted"
    storage.events.prune(utcnow() + timedelta(seconds=1))
    assert changes_seen_by(storage, north) == []


@pytest.mark.parametrize("way", ["removed", "given to another study"])
def test_an_order_that_goes_takes_its_groups_along(
    storage: Storage, north: Visibility, way: str
) -> None:
    item = storage.worklist.add(ORDER)
    storage.access_decisions.decide_on_order(STUDY, _for(storage, north))
    assert storage.access_groups.of_study(STUDY) == {"North": "rule"}
    if way == "removed":
        storage.worklist.remove(item.worklist_item_id)
    else:
        other = {**ORDER, "StudyInstanceUID": generate_uid()}
        storage.worklist.change(item.worklist_item_id, attributes=other)
    assert rows(storage) == []


def test_a_study_that_is_here_keeps_its_groups_when_its_order_goes(
    storage: Storage, north: Visibility
) -> None:
    item = storage.worklist.add(ORDER)
    arrives_in(storage, north)
    storage.worklist.remove(item.worklist_item_id)
    assert storage.access_groups.of_study(STUDY) == {"North": "rule"}


def test_an_order_for_a_deleted_study_is_decided_on_by_itself(
    storage: Storage, north: Visibility
) -> None:
    storage.worklist.add(ORDER)
    arrives_in(storage, north)
    storage.access_groups.assign("North", STUDY)
    storage.deletions.study(STUDY)
    (waiting,) = storage.access_decisions.waiting_orders(9)
    assert waiting.study_instance_uid == STUDY


@pytest.mark.parametrize("way", ["by the rules", "by hand"])
def test_a_group_hears_that_a_study_moved_to_another_one_and_nothing_later(
    storage: Storage, north: Visibility, way: str
) -> None:
    storage.access_groups.add("South", rule={"InstitutionName": "South"})
    south = storage.access_groups.get("South").group_id
    version = storage.access_decisions.rules_version()
    if way == "by the rules":
        arrives_in(storage, north)
    else:
        storage.ingest.accept(part10(), "stow")
        storage.access_groups.assign("North", STUDY)
        storage.access_groups.unassign("North", STUDY)
    storage.access_decisions.decide(STUDY, Decision(version, (south,)))
    storage.events.announce("study", {"change": "later"}, STUDY)
    assert changes_seen_by(storage, north)[-1] == "access_changed"
    with limited_to(north):
        assert storage.index.study_count() == 0
