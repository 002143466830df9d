"""PostgreSQL takes the longest text that a message or a workitem may carry; more is refused.

Its indexes are made over what names senders, messages and patients, and take 2,704 bytes.
"""

import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.hl7.answering import Receivers, answer
from storage.audit import Actor, AuditEvent, Code
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage, open_storage
from storage.core.errors import InvalidRequest
from tests.api.ups.worklist_client import el, new_item
from tests.dicom_node.conftest import node_settings
from tests.migrated import upgrade
from tests.postgres import PostgresServer

_RANDOM = random.Random(54)


def letters(count: int, alphabet: str = string.ascii_letters) -> str:
    return "".join(_RANDOM.choices(alphabet, k=count))


def of_four_bytes(count: int) -> str:
    return letters(count, "".join(map(chr, range(0x20000, 0x21000))))


@pytest.fixture
def storage(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Storage]:
    url = postgres_server.migrated_database()
    settings = node_settings(tmp_path, database_url=url, free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened
    postgres_server.drop(url)


def acknowledgement(storage: Storage, segments: list[str]) -> str:
    receivers = Receivers(storage.worklist, storage.patient_changes, storage.audit)
    return answer(receivers, storage.settings, "\r".join(segments).encode(), "127.0.0.1").decode()


def header(kind: str, application: str, facility: str, control_id: str) -> str:
    return (
        f"MSH|^~\\&|{application}|{facility}|MEDIVIEW||20260102030405||{kind}|{control_id}"
        "|P|2.5.1||||||UNICODE UTF-8"
    )


def test_the_longest_fields_of_messages_are_taken_and_longer_ones_refused(storage: Storage) -> None:
    application, facility, control_id = letters(227), letters(227), letters(199)
    patient, issuer, prior = of_four_bytes(64), of_four_bytes(64), of_four_bytes(64)
    name = f"{of_four_bytes(30)}^{of_four_bytes(30)}"
    pid = f"PID|1||{patient}^^^{issuer}||{name}||19700101|F"
    for kind, rest in (("ADT^A08^ADT_A01", []), ("ADT^A40^ADT_A39", [f"MRG|{prior}^^^{issuer}"])):
        answered = acknowledgement(
            storage, [header(kind, application, facility, control_id), pid, *rest]
        )
        assert "MSA|AA" in answered, answered
        for place, one in {
            "MSH-3": header(kind, letters(3000), facility, control_id),
            "MSH-4": header(kind, application, letters(3000), control_id),
            "MSH-10": header(kind, application, facility, letters(3000)),
        }.items():
            answered = acknowledgement(storage, [one, pid, *rest])
            assert "MSA|AR" in answered
            assert place in answered
        long_id = pid.replace(patient, letters(3000))
        answered = acknowledgement(
            storage, [header(kind, application, facility, "long"), long_id, *rest]
        )
        assert "MSA|AE" in answered
        assert "does not fit DICOM's LO" in answered


def test_names_in_the_audit_trail_are_cut(storage: Storage) -> None:
    name = letters(5000)
    storage.audit.record(AuditEvent(Code.QUERY, "E", Actor("peer", name, "10.0.0.1")))
    storage.audit.flush()
    found, count = find_events(storage.engine, AuditFilter(code=Code.QUERY), 3, 0)
    assert (count, found[0].actor_name) == (1, name[:1024])


def test_a_workitem_of_an_endless_study_uid_is_refused(storage: Storage) -> None:
    endless = el("UI", f"1.{letters(3000, '123456789')}")
    request = {"00404021": el("SQ"), "0040A370": el("SQ", {"0020000D": endless})}
    for naming in ({"0020000D": endless, "00404021": el("SQ")}, request):
        changes = {f"t{tag}": value for tag, value in naming.items()}
        with pytest.raises(InvalidRequest, match="64 characters"):
            storage.workitems.create("", new_item("1.2", **changes))
        item, _ = storage.workitems.create("", new_item("1.2"))
        with pytest.raises(InvalidRequest):
            storage.workitems.update(item.sop_instance_uid, "", naming)
