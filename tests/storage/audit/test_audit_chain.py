"""The chain of the audit trail shows what was changed, removed or inserted, on both databases."""

import hashlib
import hmac
import json
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from storage import tables as t
from storage.audit import Actor, AuditEvent, Code
from storage.audit.anchors import local_anchors, read_anchors
from storage.audit.chain import Keys, Link, seal
from storage.audit.keeper import AuditKeeper
from storage.audit.keys import audit_keys, key_file, rotate
from storage.audit.query import AuditFilter, all_events
from storage.audit.verify import ChainCheck, verify_chain
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading, writing

SECRET = "a secret of the test"
PLAIN = Keys()
KEYED = Keys.read(SECRET)


def fill(storage: Storage, count: int = 12, keys: Keys = PLAIN, days_ago: int = 0) -> None:
    at = utcnow() - timedelta(days=days_ago)
    for number in range(count):
        actor = Actor("account", f"user-{number}", "10.0.0.1")
        storage.audit.record(AuditEvent(Code.QUERY, "E", actor, detail={"number": number}, at=at))
    storage.audit.flush()
    while seal(storage.engine, keys, utcnow()):
        pass


def tampered(storage: Storage, statement: str, keys: Keys = PLAIN) -> ChainCheck:
    with writing(storage.engine) as connection:
        connection.execute(text(statement))
    return verify_chain(storage.engine, keys)


def test_a_chain_that_nobody_touched_holds(storage: Storage) -> None:
    assert verify_chain(storage.engine, PLAIN).holds, "an empty one"
    fill(storage)
    check = verify_chain(storage.engine, PLAIN)
    assert (check.holds, check.checked, check.unsealed) == (True, 12, 0)


def test_the_hash_is_what_the_page_of_the_decision_says(storage: Storage) -> None:
    fill(storage, 1, KEYED)
    with reading(storage.engine) as connection:
        row = dict(connection.execute(select(t.audit_event)).mappings().one())
    content = {
        name: row[name]
        for name in (
            *("audit_id", "code", "type_code", "action", "outcome", "actor_kind", "actor_name"),
            *("actor_address", "process", "request_id", "study_instance_uids", "patient_ids"),
            *("occurrences", "detail"),
        )
    }
    content |= {
        "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "before": "0" * 64,
        "position": 1,
    }
    stated = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    assert row["chain_hash"] == hmac.new(SECRET.encode(), stated, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("statement", "position", "word"),
    [
        ("UPDATE audit_event SET actor_name = 'nobody' WHERE chain_index = 5", 5, "changed"),
        ("UPDATE audit_event SET outcome = 4 WHERE chain_index = 12", 12, "changed"),
        ("UPDATE audit_event SET detail = '{\"number\": 9}' WHERE chain_index = 3", 3, "changed"),
        ("DELETE FROM audit_event WHERE chain_index = 7", 7, "removed"),
        ("DELETE FROM audit_event WHERE chain_index IN (1, 2)", 1, "1 to 2 was removed"),
        ("DELETE FROM audit_event WHERE chain_index > 10", 11, "removed"),
        (
            "INSERT INTO audit_event (chain_index, chain_hash, at, code, action, outcome,"
            " actor_kind, study_instance_uids, patient_ids, detail) SELECT 13, chain_hash, at,"
            " code, action, outcome, actor_kind, study_instance_uids, patient_ids, detail"
            " FROM audit_event WHERE chain_index = 12",
            13,
            "inserted",
        ),
        ("UPDATE audit_event SET chain_index = -4 WHERE chain_index IS NULL", -4, "inserted at -4"),
        ("UPDATE audit_event SET chain_index = 0 WHERE chain_index IS NULL", 0, "begins after 0"),
    ],
)
def test_the_first_event_that_was_touched_is_named(
    storage: Storage, statement: str, position: int, word: str
) -> None:
    fill(storage)
    storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("account", "late")))
    storage.audit.flush()
    check = tampered(storage, statement)
    assert not check.holds
    assert check.position == position
    assert word in check.problem


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_subject WHERE kind = 'patient'",
        "DELETE FROM audit_subject WHERE kind = 'study' AND value = '1.2.4'",
        "UPDATE audit_subject SET value = 'P2' WHERE value = 'P1'",
    ],
)
def test_who_hides_an_event_from_the_search_by_patient_or_study_is_seen(
    storage: Storage, statement: str
) -> None:
    fill(storage, 3)
    storage.audit.record(
        AuditEvent(
            Code.QUERY,
            "R",
            Actor("account", "eve"),
            study_instance_uids=("1.2.3", "1.2.4"),
            patient_ids=("P1", "P" * 200),
        )
    )
    fill(storage, 3)
    # One more than the event names is no harm: a study's patient was corrected within the minute.
    assert tampered(storage, "INSERT INTO audit_subject VALUES (4, 'patient', 'P9')").holds
    check = tampered(storage, statement)
    assert check.position == 4
    assert "not found by all" in check.problem


@pytest.mark.parametrize("column", ["at", "detail", "patient_ids"])
def test_an_event_that_can_no_longer_be_read_is_named(storage: Storage, column: str) -> None:
    if storage.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL takes no such value")
    fill(storage)
    check = tampered(storage, f"UPDATE audit_event SET {column} = '[x' WHERE chain_index = 7")
    assert (check.position, check.checked) == (7, 6)
    assert "cannot be read" in check.problem


def test_who_rewrites_the_chain_without_the_key_is_seen(storage: Storage) -> None:
    fill(storage, keys=KEYED)
    assert verify_chain(storage.engine, KEYED).keyed_from == 1
    # As somebody with the database alone would: unseal, change, seal again without the key.
    with writing(storage.engine) as connection:
        connection.execute(text("DELETE FROM audit_chain"))
        connection.execute(
            text("UPDATE audit_event SET chain_index = NULL, chain_hash = '', chain_key = ''")
        )
        connection.execute(text("UPDATE audit_event SET actor_name = 'nobody'"))
    while seal(storage.engine, PLAIN, utcnow()):
        pass
    assert verify_chain(storage.engine, PLAIN).holds, "without the key nothing tells them apart"
    check = verify_chain(storage.engine, KEYED)
    assert "not written with the key" in check.problem


def test_who_sets_the_whole_back_is_seen_by_an_anchor_alone(storage: Storage) -> None:
    fill(storage, keys=KEYED)
    with reading(storage.engine) as connection:
        before = connection.execute(text("SELECT position, hash, mac FROM audit_chain")).one()
    fill(storage, keys=KEYED)
    anchor = verify_chain(storage.engine, KEYED).head
    with writing(storage.engine) as connection:
        connection.execute(text("DELETE FROM audit_event WHERE chain_index > 12"))
        connection.execute(
            text("UPDATE audit_chain SET position = :position, hash = :hash, mac = :mac"),
            before._asdict(),
        )
    assert verify_chain(storage.engine, KEYED).holds
    assert "the end is missing" in verify_chain(storage.engine, KEYED, [anchor]).problem
    forged = [Link(3, "f" * 64)]
    assert "not the one that was anchored" in verify_chain(storage.engine, KEYED, forged).problem


def test_a_new_key_goes_on_where_the_old_one_ended(storage: Storage) -> None:
    fill(storage, 3)
    fill(storage, 3, KEYED)
    both = Keys.read(f"another secret, {SECRET}")
    fill(storage, 3, both)
    check = verify_chain(storage.engine, both)
    assert (check.holds, check.checked, check.keyed_from) == (True, 9, 4)
    assert (
        "which neither MEDIVIEW_AUDIT_KEY nor audit.key"
        in verify_chain(storage.engine, KEYED).problem
    )


def test_several_sealers_at_once_make_one_chain(storage: Storage) -> None:
    for number in range(300):
        storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("peer", f"P{number}")))
    storage.audit.flush()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: seal(storage.engine, PLAIN, utcnow()), range(4)))
    check = verify_chain(storage.engine, PLAIN)
    assert (check.holds, check.checked) == (True, 300)


def test_what_retention_removes_leaves_a_chain_that_holds(storage: Storage) -> None:
    fill(storage, 10, KEYED, days_ago=40)
    fill(storage, 5, KEYED)
    settings = storage.settings.model_copy(
        update={"audit_retention_days": 30, "audit_key": SecretStr(SECRET)}
    )
    object.__setattr__(storage, "settings", settings)
    keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
    keeper.round(utcnow())
    storage.audit.flush()
    keeper.round(utcnow())
    kept = list(all_events(storage.engine, AuditFilter()))
    assert [one.actor_name for one in kept[:5]] == [f"user-{n}" for n in range(5)]
    assert (kept[5].code, kept[5].action, kept[5].detail["removed"]) == (
        Code.AUDIT_LOG_USED,
        "D",
        10,
    )
    check = verify_chain(storage.engine, KEYED)
    assert (check.holds, check.base.position, check.checked) == (True, 10, 6)
    anchors = (storage.settings.data_dir / "audit" / "anchors.jsonl").read_text()
    assert verify_chain(storage.engine, KEYED, read_anchors(anchors)).holds
    # Cutting off more than retention did, with the note of it, takes the key.
    with writing(storage.engine) as connection:
        place = connection.execute(
            text("SELECT chain_index, chain_hash FROM audit_event WHERE chain_index = 12")
        ).one()
        connection.execute(text("DELETE FROM audit_event WHERE chain_index <= 12"))
        connection.execute(
            text("UPDATE audit_chain SET position = :p, hash = :h WHERE name = 'base'"),
            {"p": place[0], "h": place[1]},
        )
    assert "base at 12 was not written with the key" in verify_chain(storage.engine, KEYED).problem
    shutil.rmtree(storage.settings.data_dir / "audit")


def test_a_chain_holds_that_is_cut_and_goes_on_while_it_is_looked_at(storage: Storage) -> None:
    """By retention and by sealing, of which neither waits for who looks."""
    fill(storage, 10, KEYED, days_ago=40)
    update = {"audit_retention_days": 30, "audit_key": SecretStr(SECRET)}
    settings = storage.settings.model_copy(update=update)
    keeper = AuditKeeper(storage.engine, settings, storage.audit)

    class Anchors(list[Link]):
        """Iterated over once the chain's beginning and end are read."""

        def __iter__(self) -> Iterator[Link]:
            keeper.round(utcnow())
            fill(storage, 5, KEYED)
            return super().__iter__()

    check = verify_chain(storage.engine, KEYED, Anchors())
    assert (check.problem, check.checked, check.base.position) == ("", 10, 0)
    assert verify_chain(storage.engine, KEYED).base.position == 10


def test_the_node_makes_a_key_outside_of_the_database(storage: Storage) -> None:
    """A chain of a time before goes on, and who has the database alone cannot rewrite it."""
    fill(storage, 5)
    settings = storage.settings
    assert verify_chain(storage.engine, audit_keys(settings)).keyed_from is None
    keeper = AuditKeeper(storage.engine, storage.settings, storage.audit)
    keeper.round(utcnow())
    path = key_file(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = audit_keys(settings)
    assert len(first.secrets[0]) == 64
    # Nothing is sealed by the key yet; its signature is on the ends of the chain.
    assert verify_chain(storage.engine, first, local_anchors(settings)).holds
    storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("account", "ada")))
    storage.audit.flush()
    keeper.round(utcnow())
    rotate(settings)
    storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("account", "ada")))
    storage.audit.flush()
    keeper.round(utcnow() + timedelta(minutes=2))
    assert len(audit_keys(settings).secrets) == 2
    anchors = local_anchors(settings)
    check = verify_chain(storage.engine, audit_keys(settings), anchors)
    assert (check.holds, check.checked, check.keyed_from) == (True, 7, 6), check.problem
    assert [one.position for one in anchors] == [5, 7]
    assert "audit.key" in verify_chain(storage.engine, first).problem
    with reading(storage.engine) as connection:
        content = str(connection.execute(select(t.audit_event)).all())
        content += str(connection.execute(select(t.audit_chain)).all())
    assert not any(one.decode() in content for one in audit_keys(settings).secrets)

    # Somebody with the database alone rewrites all of it, without any key.
    with writing(storage.engine) as connection:
        connection.execute(text("UPDATE audit_event SET actor_name = 'eve', chain_index = NULL"))
        connection.execute(text("UPDATE audit_event SET chain_key = ''"))
        connection.execute(text("DELETE FROM audit_chain"))
    while seal(storage.engine, PLAIN, utcnow()):
        pass
    assert verify_chain(storage.engine, PLAIN).holds, "a chain of plain hashes shows nothing"
    forged = verify_chain(storage.engine, audit_keys(settings))
    assert "was not written with the key" in forged.problem
    # Even where the node is made to sign it again, what it noted before does not agree.
    keeper.round(utcnow() + timedelta(minutes=4))
    again = verify_chain(storage.engine, audit_keys(settings), anchors)
    assert "not the one that was anchored" in again.problem


def test_a_line_of_anchors_that_a_power_failure_cut_off_is_no_alarm(storage: Storage) -> None:
    fill(storage, 2, KEYED)
    AuditKeeper(storage.engine, storage.settings, storage.audit).round(utcnow())
    path = storage.settings.data_dir / "audit" / "anchors.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"position": 1, "ha' + whole + '{"position')
    assert [one.position for one in local_anchors(storage.settings)] == [2, 2]
