"""Nobody keeps events from the file of audit messages unseen, on both databases."""

import shutil
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from storage.audit import Code
from storage.audit.keeper import AuditKeeper
from storage.audit.query import AuditFilter, all_events
from storage.audit.verify import verify_chain
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.storage.audit.test_audit_chain import KEYED, SECRET, fill


def messages(storage: Storage) -> list[str]:
    """What the file of audit messages has."""
    file = storage.settings.data_dir / "audit" / "audit.xml"
    return [line for line in file.read_text().splitlines() if "user-" in line]


@pytest.mark.parametrize(
    "change",
    [
        "position = 999999999",
        "position = 12, hash = (SELECT chain_hash FROM audit_event WHERE chain_index = 12)",
    ],
    ids=["beyond the end", "forward within the chain"],
)
def test_who_keeps_events_from_a_sink_is_seen_and_the_sink_gets_them(
    storage: Storage, change: str
) -> None:
    keeper = AuditKeeper(
        storage.engine,
        storage.settings.model_copy(update={"audit_key": SecretStr(SECRET), "audit_file": True}),
        storage.audit,
    )
    fill(storage, 10, KEYED)
    keeper.round(utcnow())
    assert len(messages(storage)) == 10
    fill(storage, 5, KEYED)
    with writing(storage.engine) as connection:
        connection.execute(text(f"UPDATE audit_chain SET {change} WHERE name = 'sink:file'"))
    check = verify_chain(storage.engine, KEYED, sinks=["sink:file"])
    assert "what sink:file has got" in check.problem
    keeper.round(utcnow())
    # Once more from the beginning: nobody knows any more what it has.
    assert len(messages(storage)) == 25
    assert verify_chain(storage.engine, KEYED, sinks=["sink:file"]).problem == ""
    storage.audit.flush()
    alert = list(all_events(storage.engine, AuditFilter()))[-1]
    assert (alert.code, alert.outcome) == (Code.SECURITY_ALERT, 8)
    shutil.rmtree(storage.settings.data_dir / "audit")


def test_a_sink_that_is_switched_off_while_retention_goes_on_is_no_alarm(storage: Storage) -> None:
    def keeper(**update: object) -> AuditKeeper:
        update |= {"audit_key": SecretStr(SECRET), "audit_retention_days": 30}
        return AuditKeeper(
            storage.engine, storage.settings.model_copy(update=update), storage.audit
        )

    fill(storage, 3, KEYED)
    keeper(audit_file=True).round(utcnow())
    assert len(messages(storage)) == 3
    fill(storage, 5, KEYED)
    later = utcnow() + timedelta(days=31)
    keeper(audit_file=False).round(later)
    check = verify_chain(storage.engine, KEYED, sinks=["sink:file"])
    assert (check.problem, check.base.position) == ("", 8)
    keeper(audit_file=True).round(later)
    storage.audit.flush()
    codes = [one.code for one in all_events(storage.engine, AuditFilter())]
    assert Code.SECURITY_ALERT not in codes
    shutil.rmtree(storage.settings.data_dir / "audit")
