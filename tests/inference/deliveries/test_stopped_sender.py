"""A sender of objects that stands still in the middle, for longer than its lease."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import update

from inference.deliveries.service import deliver_due
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.db.engine import writing
from storage.integrity.instance_reader import InstanceReader
from tests.inference.deliveries.destinations.nodes import FOLDER, deliveries, node, with_results


def files_of(storage: Storage) -> list[Path]:
    return list((storage.settings.data_dir / "export").rglob("*.dcm"))


def deliver_beside(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]
) -> int:
    """What a sender delivers that stands still while its first object is read."""
    real = InstanceReader.open_stored

    def stands_still(reader: InstanceReader, instance: Instance) -> BinaryIO:
        monkeypatch.setattr(InstanceReader, "open_stored", real)
        happens()
        return real(reader, instance)

    monkeypatch.setattr(InstanceReader, "open_stored", stands_still)
    return deliver_due(storage, utcnow(), "stopped")


def test_it_sends_nothing_more_that_another_has_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node(tmp_path, FOLDER) as storage:
        assert len(with_results(storage)) == 2

        def others_go_on() -> None:
            with writing(storage.engine) as connection:
                ended = utcnow() - timedelta(seconds=1)
                connection.execute(update(t.delivery).values(next_attempt_at=ended))
            assert deliver_due(storage, utcnow(), "other") == 2
            for path in files_of(storage):
                path.unlink()

        deliver_beside(storage, monkeypatch, others_go_on)
        assert len(files_of(storage)) == 1, "the one that was under way"
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}


def test_it_sends_nothing_that_was_taken_out_of_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node(tmp_path, FOLDER) as storage:
        _, second = with_results(storage)

        def one_is_rejected() -> None:
            with writing(storage.engine) as connection:
                rejected = t.instance.c.sop_instance_uid == second.sop_instance_uid
                connection.execute(update(t.instance).where(rejected).values(is_rejected=True))

        assert deliver_beside(storage, monkeypatch, one_is_rejected) == 1
        (left,) = files_of(storage)
        assert left.stem != second.sop_instance_uid


def test_it_leaves_what_another_is_sending_alone(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        with_results(storage)
        ids = [one.delivery_id for one in deliveries(storage)]
        now = utcnow()
        assert storage.deliveries.claim_due("stopped", 30, now, 32)
        assert storage.deliveries.claim_due("other", 30, now + timedelta(seconds=31), 32)
        storage.deliveries.retry_later(ids, "stopped", "The connection was lost.", now)
        storage.deliveries.refused(ids, "stopped", "It refuses.")
        storage.deliveries.arrived(ids, "stopped", now)
        storage.deliveries.sent(ids, "stopped", now, "It proves nothing.")
        assert {(one.state, one.sent_at) for one in deliveries(storage)} == {("SENDING", None)}
        assert storage.deliveries.renew("other", 30, utcnow())
