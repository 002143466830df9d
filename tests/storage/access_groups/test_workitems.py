"""A workitem is seen by those alone who see every study that it names; orders name their own."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, delete, insert, select, text
from sqlalchemy import update as update_row

from storage import tables as t
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.clock import utcnow
from storage.core.errors import NotFound, NotPermitted
from storage.db.engine import reading, writing
from storage.ups.dicom_json import JsonAttributes, attributes_of
from storage.ups.requests import change_state, request_cancel, update
from storage.ups.search import Narrowed
from storage.ups.subscriptions import WORKLIST_UID
from tests.api.ups.worklist_client import el, new_item

# Studies of groups 3 and 4, and one that nobody has decided on.
OURS, THEIRS, UNKNOWN = "1.3", "1.4", "1.5"
VIEWER = Visibility("key:1", (EVERYONE, 3), sees_unmatched=True)
# As input, of its own, as a referenced study, and deep in another sequence.
NAMING: tuple[dict[str, Any], ...] = (
    {"t00404021": el("SQ", {"0020000D": el("UI", OURS)}, {"0020000D": el("UI", THEIRS)})},
    {"t0020000d": el("UI", THEIRS)},
    {"t00081110": el("SQ", {"00081155": el("UI", THEIRS)})},
    {"t00741210": el("SQ", {"0040A370": el("SQ", {"0020000D": el("UI", THEIRS)})})},
)


@pytest.fixture
def shared(storage: Storage) -> Storage:
    now = utcnow()
    with writing(storage.engine) as connection:
        for group_id, uid in ((3, OURS), (4, THEIRS)):
            values = {"name": uid, "created_at": now, "updated_at": now}
            connection.execute(insert(t.access_group).values(group_id=group_id, **values))
            values = {"study_instance_uid": uid, "origin": "rule", "decided_at": now}
            connection.execute(insert(t.study_group).values(group_id=group_id, **values))
    return storage


def listed(storage: Storage) -> set[str]:
    return {one.sop_instance_uid for one in storage.workitem_list.all(Narrowed())}


def told(storage: Storage) -> set[str]:
    return {one.payload["workitem"] for one in storage.events.since(0) if one.topic == "workitem"}


def test_an_item_is_hidden_with_any_study_that_it_names(shared: Storage) -> None:
    ours = shared.workitems.create("", new_item(OURS))[0].sop_instance_uid
    for number, changes in enumerate(NAMING):
        uid = f"1.9.{number}"
        shared.workitems.create(uid, new_item(OURS, **changes))
        with limited_to(VIEWER):
            assert listed(shared) == {ours} == told(shared), changes
            assert shared.workitem_list.find(uid) is None
            for ask in (
                lambda: change_state(shared, uid, "IN PROGRESS", "1.2.3"),  # noqa: B023
                lambda: update(shared, uid, "", attributes_of(WorklistLabel="x")),  # noqa: B023
                lambda: request_cancel(shared, uid, "me", {}),  # noqa: B023
            ):
                with pytest.raises(NotFound):
                    ask()
    # Of an update by who sees it, the events as well; and back.
    shared.workitems.update(ours, "", dict([naming(THEIRS)]))
    with limited_to(VIEWER):
        assert not listed(shared)
        assert not told(shared)
    shared.workitems.update(ours, "", dict([naming(OURS)]))
    with limited_to(VIEWER):
        assert listed(shared) == {ours}
    # Also when the item is gone.
    with writing(shared.engine) as connection:
        connection.execute(delete(t.work_item))
    with limited_to(VIEWER):
        assert told(shared) == {ours}


def refused() -> Any:
    return pytest.raises(NotPermitted, match="another subscriber")


def naming(study: str) -> tuple[str, Any]:
    items = ({"0020000D": el("UI", OURS)}, {"0020000D": el("UI", study)})
    return "00404021", el("SQ", *items)


def test_nobody_names_a_study_that_it_does_not_see(shared: Storage) -> None:
    with limited_to(VIEWER):
        for changes in NAMING:
            with pytest.raises(NotPermitted, match="may not use"):
                shared.workitems.create("", new_item(OURS, **changes))
        ours = shared.workitems.create("", new_item(OURS))[0].sop_instance_uid
        with pytest.raises(NotPermitted):
            shared.workitems.update(ours, "", dict([naming(THEIRS)]))
        # One that is not here yet is nobody's; who made the item need not see it.
        item, _ = shared.workitems.create("", new_item(UNKNOWN))
        assert item.study_instance_uid == UNKNOWN
        assert listed(shared) == {ours}
    with reading(shared.engine) as connection:
        assert connection.scalar(select(t.work_item_study.c.study_instance_uid)) is None


def test_nobody_orders_a_study_that_it_does_not_see(shared: Storage) -> None:
    order = {"StudyInstanceUID": THEIRS, "PatientID": "P", "ScheduledProcedureStepSequence": []}
    with limited_to(VIEWER):
        with pytest.raises(NotPermitted):
            shared.worklist.add(order)
        # Whoever orders a new one is told what it is, although no rule has decided on it.
        assert shared.worklist.add(order | {"StudyInstanceUID": UNKNOWN}).state == "SCHEDULED"
        ours = shared.worklist.add(order | {"StudyInstanceUID": OURS}).worklist_item_id
        with pytest.raises(NotPermitted):
            shared.worklist.change(ours, attributes=order)
        moved = shared.worklist.change(ours, attributes=order | {"StudyInstanceUID": UNKNOWN})
        assert moved.study_instance_uid == UNKNOWN


def test_nobody_speaks_for_a_subscriber_of_other_groups(shared: Storage) -> None:
    """It would take the reports that the other one waits for."""
    subscriptions = shared.subscriptions
    theirs = Visibility("key:2", (EVERYONE, 4), sees_unmatched=True)
    replacement = Visibility("key:3", (EVERYONE, 4), sees_unmatched=True)
    with limited_to(theirs):
        subscriptions.subscribe("READER", WORKLIST_UID)
    with limited_to(VIEWER):
        for change in (subscriptions.subscribe, subscriptions.suspend, subscriptions.unsubscribe):
            with pytest.raises(NotPermitted, match="READER"):
                change("READER", WORKLIST_UID)
        subscriptions.subscribe("MINE", WORKLIST_UID)
    with writing(shared.engine) as connection:
        connection.execute(update_row(t.access_state).values(is_enforced=True))
    # An administrator acts for it, and it stays theirs.
    for visibility in (replacement, None):
        with limited_to(visibility):
            subscriptions.check_subscriber("READER")
            subscriptions.subscribe("READER", WORKLIST_UID, identity_id="account:admin")
    with limited_to(VIEWER), pytest.raises(NotPermitted):
        subscriptions.check_subscriber("READER")
    with limited_to(theirs):
        subscriptions.unsubscribe("READER", WORKLIST_UID)
    # Nothing is left of it.
    with limited_to(VIEWER):
        subscriptions.subscribe("READER", WORKLIST_UID)


def test_nobody_speaks_for_a_subscriber_of_no_group(shared: Storage) -> None:
    """An administrator, a program that everyone's group alone has, one of before the groups."""
    subscriptions = shared.subscriptions
    plain = Visibility("key:9", (EVERYONE,), sees_unmatched=True)
    subscriptions.subscribe("ADMIN", WORKLIST_UID, identity_id="account:admin")
    subscriptions.subscribe("LATER", WORKLIST_UID, identity_id=VIEWER.identity_id)
    with limited_to(plain):
        subscriptions.subscribe("PLAIN", WORKLIST_UID)
    for visibility, permitted in ((plain, {"PLAIN"}), (VIEWER, {"LATER"})):
        for ae_title in ("ADMIN", "LATER", "PLAIN"):
            with limited_to(visibility), nullcontext() if ae_title in permitted else refused():
                subscriptions.check_subscriber(ae_title)
    # Of one that an earlier version noted nobody knows whose it is: of who subscribes next.
    with writing(shared.engine) as connection:
        connection.execute(update_row(t.subscriber).values(identity_id=None))
    with limited_to(plain):
        subscriptions.subscribe("ADMIN", WORKLIST_UID)
    with limited_to(VIEWER), refused():
        subscriptions.unsubscribe("ADMIN", WORKLIST_UID)


def test_studies_of_earlier_items_are_found() -> None:
    module = "0068_note_all_studies_that_work_items_name"
    migration = importlib.import_module(f"storage.migrations.versions.{module}")
    attributes: JsonAttributes = {}
    for changes in NAMING:
        attributes |= {name[1:].upper(): value for name, value in changes.items()}
    with database() as connection:
        connection.execute(
            text("CREATE TABLE work_item (sop_instance_uid, study_instance_uid, attributes)")
        )
        values = {"sop_instance_uid": "1.9", "study_instance_uid": OURS, "attributes": attributes}
        connection.execute(insert(migration._work_item).values(values))
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
            rows = connection.execute(text("SELECT * FROM work_item_study")).all()
            assert [tuple(row) for row in rows] == [("1.9", THEIRS)]
            migration.downgrade()


@contextmanager
def database() -> Iterator[Any]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()
