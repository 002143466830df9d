"""Messages that come after the node's clock was set back are newer all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dicom_node.hl7.orders import take_orders
from dicom_node.hl7.patients import take_adt
from dicom_node.hl7.reading import Message, read_header
from storage.container import Storage, open_storage
from storage.settings import load_settings
from tests.migrated import upgrade
from tests.storage.instances import part10

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SET_BACK = NOON - timedelta(hours=1)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


def message(kind: str, at: datetime, *segments: str) -> Message:
    made = at.strftime("%Y%m%d%H%M%S+0000")
    head = f"MSH|^~\\&|RIS|HOSPITAL|M||{made}||{kind}|{made}|P|2.5.1"
    raw = "\r".join((head, *segments)).encode()
    return Message(read_header(raw), raw)


def order(at: datetime, control: str = "NW", study: str = "chest") -> Message:
    return message(
        "ORM^O01^ORM_O01",
        at,
        "PID|1||P-77^^^HOSPITAL||Doe^Jane||19700131|F",
        f"ORC|{control}|PL-1|FI-1||SC||^^^20260105083000^^S",
        f"OBR|1|PL-1|FI-1|CT^CT of the {study}^L||||||||||||||A-123||RP-9||||CT",
    )


def test_an_order_is_changed_and_cancelled_and_an_older_one_still_reverts_nothing(
    storage: Storage,
) -> None:
    assert take_orders(storage.worklist, order(NOON), NOON) == "scheduled"
    later = NOON + timedelta(minutes=5)
    assert take_orders(storage.worklist, order(later, "XO", "thorax"), SET_BACK) == "changed"
    older = NOON - timedelta(minutes=5)
    assert take_orders(storage.worklist, order(older, "CA"), SET_BACK) == "outdated"
    assert take_orders(storage.worklist, order(later, "CA"), SET_BACK) != "outdated"


def test_within_the_second_of_a_clock_that_is_ahead_what_came_last_counts(
    storage: Storage,
) -> None:
    now = NOON + timedelta(microseconds=400_000)
    ahead = NOON + timedelta(hours=2)
    assert take_orders(storage.worklist, order(ahead), now) == "scheduled"
    assert take_orders(storage.worklist, order(NOON, "CA"), now) == "canceled"

    def named(name: str, at: datetime) -> str:
        adt = message("ADT^A08^ADT_A01", at, f"PID|1||P-77^^^HOSPITAL||{name}||19700131|F")
        return take_adt(storage.patient_changes, adt, "HOSPITAL", now)[0]

    scan = part10(PatientID="P-77", IssuerOfPatientID="HOSPITAL", PatientName="Doe^J")
    study = storage.ingest.accept(scan, "stow").study_instance_uid
    named("Falsch^Jane", ahead)
    named("Roe^Jane", NOON)
    assert storage.index.study(study).patient_name == "Roe^Jane"


def test_a_patient_is_corrected_and_an_older_name_still_reverts_nothing(storage: Storage) -> None:
    def named(name: str, at: datetime, now: datetime) -> str:
        person = f"PID|1||P-77^^^HOSPITAL||{name}||19700131|F"
        adt = message("ADT^A08^ADT_A01", at, person)
        return take_adt(storage.patient_changes, adt, "HOSPITAL", now)[0]

    scan = part10(PatientID="P-77", IssuerOfPatientID="HOSPITAL", PatientName="Doe^J")
    study = storage.ingest.accept(scan, "stow").study_instance_uid
    named("Doe^Jane", NOON, NOON)
    named("Roe^Jane", NOON + timedelta(minutes=5), SET_BACK)
    assert storage.index.study(study).patient_name == "Roe^Jane"
    named("Doe^Janet", NOON - timedelta(minutes=5), SET_BACK)
    assert storage.index.study(study).patient_name == "Roe^Jane"
