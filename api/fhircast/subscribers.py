"""Who subscribed, with what they may do by now."""

from collections.abc import Collection
from datetime import datetime

from api.access.authenticator import of_open_session
from api.access.policy import READERS
from api.access.principal import LOCAL, Principal
from api.fhircast.members import HubStorage
from storage.core.callers.identity import of_key
from storage.fhircast.entities import Subscription


def present_subscriber(
    storage: HubStorage, subscription: Subscription, now: datetime
) -> Principal | None:
    """None where the sign-in or key has ended, or may not listen any more. Blocks."""
    return present_subscribers(storage, [subscription], now).get(subscription.endpoint_hash)


def present_subscribers(
    storage: HubStorage, subscriptions: Collection[Subscription], now: datetime
) -> dict[str, Principal]:
    """Those who may still listen, by the hash of their channel, in two questions at most."""
    session_hashes = {one.session_hash for one in subscriptions if one.session_hash}
    key_ids = {one.key_id for one in subscriptions if one.key_id and not one.session_hash}
    sessions = storage.sessions.open_among(session_hashes, now) if session_hashes else {}
    keys = storage.api_keys.of_ids(key_ids) if key_ids else {}
    found: dict[str, Principal] = {}
    for one in subscriptions:
        principal: Principal | None = None
        if one.kind == "local":
            principal = LOCAL if storage.settings.auth == "none" else None
        elif one.session_hash:
            session = sessions.get(one.session_hash)
            principal = of_open_session(session) if session is not None else None
        elif (key := keys.get(one.key_id)) is not None and key.is_valid(now):
            principal = Principal(of_key(key.key_id, key.name), key.roles, key.scopes)
        if principal is not None and _may_listen(principal):
            found[one.endpoint_hash] = principal
    return found


def _may_listen(principal: Principal) -> bool:
    return not principal.step and principal.has_any(READERS) and "fhircast:read" in principal.scopes
