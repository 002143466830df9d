"""What other systems opened is forgotten in time, also where nobody announces anything more."""

from datetime import timedelta

from sqlalchemy import func, select

from storage import tables as t
from storage.container import open_storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.db.engine import reading
from storage.fhircast.messages import checked_message
from storage.maintenance.expiry import remove_expired
from storage.settings import Settings
from tests.api.fhircast.peers import opened


def test_old_events_and_contexts_reach_nobody_and_go(storage_settings: Settings) -> None:
    tables = (t.fhircast_event, t.fhircast_context, t.fhircast_subscription)
    with open_storage(storage_settings) as storage:

        def counts() -> list[int]:
            with reading(storage.engine) as connection:
                asked = [select(func.count()).select_from(one) for one in tables]
                return [connection.execute(one).scalar_one() for one in asked]

        events, now = storage.fhircast_events, utcnow()
        topic = storage.fhircast_topics.of(of_account("jones"), now).topic
        storage.fhircast_subscriptions.add(
            topic, ["ImagingStudy-open"], "PACS", identity_id="key:1", kind="key", key_id="1",
            session_hash="", now=now, expires_at=now + timedelta(hours=8),
        )  # fmt: skip
        ended, later = now - timedelta(hours=25), now - timedelta(minutes=11)
        events.announce(checked_message(opened(topic, "1.2.3")), ended, by="key:1")
        # It is not passed on before the housekeeping comes by.
        assert (events.contexts(topic), events.since(topic, 0)) == ([], [])
        assert counts() == [1, 1, 1]
        remove_expired(storage, now)
        assert counts() == [0, 0, 1]
        events.announce(checked_message(opened(topic, "1.2.3")), later, by="key:1")
        assert [one.anchor for one in events.contexts(topic)] == ["ImagingStudy"]
        assert events.since(topic, 0) == []
        remove_expired(storage, now)
        assert counts() == [0, 1, 1]
        events.announce(checked_message(opened(topic, "1.2.3")), now, by="key:1")
        remove_expired(storage, now)
        assert (len(events.contexts(topic)), len(events.since(topic, 0))) == (1, 1)
        remove_expired(storage, now + timedelta(hours=9))
        assert counts() == [0, 1, 0]
