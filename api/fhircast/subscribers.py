"""Who subscribed, with what they may do by now."""

from datetime import datetime

from api.access.authenticator import of_session_hash
from api.access.policy import READERS
from api.access.principal import LOCAL, Principal
from api.fhircast.members import HubStorage
from storage.core.callers.identity import Identity
from storage.core.errors import NotFound
from storage.fhircast.entities import Subscription


def present_subscriber(
    storage: HubStorage, subscription: Subscription, now: datetime
) -> Principal | None:
    """None where the sign-in or key has ended, or may not listen any more. Blocks."""
    if subscription.kind == "local":
        return LOCAL if storage.settings.auth == "none" else None
    if subscription.session_hash:
        found = of_session_hash(storage.sessions, subscription.session_hash, now, is_use=False)
    else:
        found = _of_key(storage, subscription.key_id, now)
    if found is None or found.step or not found.has_any(READERS):
        return None
    return found if "fhircast:read" in found.scopes else None


def _of_key(storage: HubStorage, key_id: str, now: datetime) -> Principal | None:
    try:
        key = storage.api_keys.get(key_id)
    except NotFound:
        return None
    if not key.is_valid(now):
        return None
    return Principal(Identity("key", key.key_id, key.name), key.roles, key.scopes)
