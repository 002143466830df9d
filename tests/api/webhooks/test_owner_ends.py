"""A webhook ends with the key or the account that added it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from inference.webhooks.ended_owners import pause_those_of_ended_owners
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage, open_storage
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import NotPermitted, TooManyRequests
from storage.settings import Settings
from storage.webhooks.repository import Webhook


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    settings = storage_settings.model_copy(update={"webhook_hosts": ("ris.example",)})
    with open_storage(settings) as opened:
        yield opened


def added(storage: Storage, kind: str, subject: str) -> Webhook:
    return storage.webhooks.add(
        f"https://ris.example/{subject}", ("*",), "",
        created_by=Caller(kind, subject), sends_everything=kind == "key",
    )  # fmt: skip


def happened(storage: Storage) -> None:
    storage.events.announce(
        "study", {"change": "series_complete", "series_instance_uid": "2.25.8"}, "2.25.7"
    )


def paused(storage: Storage) -> list[object]:
    pause_those_of_ended_owners(storage, utcnow())
    events, _ = find_events(storage.engine, AuditFilter(), 50, 0)
    return [one.detail["reason"] for one in events if "webhooks_paused" in one.detail]


def test_a_webhook_is_paused_with_its_key(storage: Storage) -> None:
    now = utcnow()
    key, _ = storage.api_keys.create("ris", ["admin"], [], created_by="t", expires_at=None)
    other, _ = storage.api_keys.create(
        "pacs", ["integrator"], [], created_by="t", expires_at=now + timedelta(seconds=1)
    )
    of_key, of_other = added(storage, "key", key.key_id), added(storage, "key", other.key_id)
    assert paused(storage) == []
    happened(storage)
    assert storage.webhook_outbox.fill() >= 2
    storage.api_keys.revoke(key.key_id, now)
    assert not storage.webhooks.get(of_key.webhook_id).is_active
    assert storage.webhooks.get(of_other.webhook_id).is_active
    assert not storage.webhook_outbox.counts([of_key.webhook_id]).get(of_key.webhook_id)
    pause_those_of_ended_owners(storage, now + timedelta(minutes=1))
    assert not storage.webhooks.get(of_other.webhook_id).is_active
    assert paused(storage) == ["Its key has expired."]
    happened(storage)
    assert storage.webhook_outbox.fill() == 0
    # Who turns it on again owns it: it is no more the ended key's.
    after = storage.webhooks.change(
        of_key.webhook_id, is_active=True, by=Caller("local", "local"), by_administrator=False
    )
    assert (after.created_by_id, after.sends_everything) == ("local:local", False)
    assert paused(storage) == ["Its key has expired."]
    assert storage.webhooks.get(of_key.webhook_id).is_active


def test_who_turns_a_webhook_on_decides_what_it_sends(storage: Storage) -> None:
    root = Caller("local", "local")
    for chosen, sends in ((None, True), (True, True), (False, False)):
        hook = added(storage, "account", "gone").webhook_id
        pause_those_of_ended_owners(storage, utcnow())
        after = storage.webhooks.change(
            hook, is_active=True, sends_everything=chosen, by=root, by_administrator=True
        )
        assert (after.created_by_id, after.sends_everything) == ("local:local", sends)


def test_a_webhook_is_paused_with_its_account(storage: Storage) -> None:
    storage.accounts.add("root", "a long enough password 1", ["admin"])
    for name in ("ina", "ivo"):
        storage.accounts.add(name, "a long enough password 2", ["integrator"])
    ina, ivo = added(storage, "account", "ina"), added(storage, "account", "ivo")
    gone = added(storage, "account", "gone")
    storage.accounts.set_disabled("ina", True)
    storage.accounts.set_roles("ivo", ["viewer"])
    for one in (ina, ivo):
        assert not storage.webhooks.get(one.webhook_id).is_active
    assert paused(storage) == ["Its account was removed."]
    assert not storage.webhooks.get(gone.webhook_id).is_active
    # Enabled again, somebody decides about the webhook.
    storage.accounts.set_disabled("ina", False)
    assert not storage.webhooks.get(ina.webhook_id).is_active


def test_a_webhook_that_ended_meanwhile_is_judged_as_it_is_then(storage: Storage) -> None:
    key, _ = storage.api_keys.create("ris", ["admin"], [], created_by="t", expires_at=None)
    hook = added(storage, "key", key.key_id)
    as_seen = storage.webhooks.get(hook.webhook_id)
    storage.api_keys.revoke(key.key_id, utcnow())

    def may_not_be_turned_on(as_it_is: Webhook) -> None:
        if not as_it_is.is_active:
            raise NotPermitted("It would outlast who turns it on.")

    assert as_seen.is_active
    with pytest.raises(NotPermitted):
        storage.webhooks.change(
            hook.webhook_id,
            description="mine",
            is_active=True,
            by=Caller("oidc", "a token"),
            check=may_not_be_turned_on,
        )
    after = storage.webhooks.get(hook.webhook_id)
    assert (after.is_active, after.description) == (False, "")


def test_nobody_takes_over_more_webhooks_than_one_may_have(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.webhooks.shares.MOST_OF_ONE", 1)
    mine = added(storage, "local", "local")
    of_others = added(storage, "account", "gone")
    pause_those_of_ended_owners(storage, utcnow())
    with pytest.raises(TooManyRequests, match="You have 1 webhook"):
        storage.webhooks.change(of_others.webhook_id, is_active=True, by=Caller("local", "local"))
    assert not storage.webhooks.get(of_others.webhook_id).is_active
    storage.webhooks.remove(mine.webhook_id)
    storage.webhooks.change(of_others.webhook_id, is_active=True, by=Caller("local", "local"))
    assert storage.webhooks.get(of_others.webhook_id).created_by_id == "local:local"
